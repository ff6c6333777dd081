//! Figures by their formulas.

use super::*;

#[test]
fn figures_follow_their_formulas() {
    // A day worked out by hand. Waits in seconds; the level is 20 s, short is below 5 s.
    //   A joins at   0, answered by ann at  10, talks 100, wrap-up 30
    //   B joins at   0, answered by bob at  30, talks  50, wrap-up 30
    //   C joins at 200, hangs up at 203 (short);  D joins at 200, hangs up at 240
    //   E joins at 200, key at 215
    let mut centre = Centre::new(vec![QueueConf { wrap_up: secs(30), ..sales() }]);
    centre.now = Time::ZERO;
    let (a, b) = (centre.join("sales"), centre.join("sales"));
    centre.pass(secs(10));
    centre.tell(Input::Ready { agent: name("ann") });
    centre.answer(a, "ann");
    centre.pass(secs(20));
    centre.tell(Input::Ready { agent: name("bob") });
    centre.answer(b, "bob");
    centre.pass(secs(50));
    centre.end(b); // 80
    centre.pass(secs(30));
    centre.end(a); // 110
    centre.pass(secs(60)); // 170: wrap-ups ended at 110 and 140
    for agent in ["ann", "bob"] {
        centre.tell(Input::LogOut { agent: name(agent) });
    }
    centre.pass(secs(30));
    let [c, d, e] = [0, 1, 2].map(|_| centre.join("sales"));
    for (after, call, how) in [(3, c, Gone::HungUp), (12, e, Gone::Key('1')), (25, d, Gone::HungUp)] {
        centre.pass(secs(after));
        centre.tell(Input::Gone { call, how });
    }
    let conf = FiguresConf { answer_within: secs(20), from: Time::ZERO, until: Time::NEVER };
    let figures = Figures::of(&centre.facts, conf);
    let queue = &figures.queues[&"sales".parse::<QueueName>().expect("a name")];
    assert_eq!((queue.offered, queue.outcomes(), figures.waiting()), (5, 5, 0));
    assert_eq!((queue.answered, queue.abandoned, queue.short_abandoned, queue.flow_outs()), (2, 1, 1, 1));
    for (abandoned, short_abandoned, flow_outs, level) in [
        (false, false, false, 1.0 / 2.0),
        (true, false, false, 1.0 / 3.0),
        (false, true, false, 1.0 / 3.0),
        (false, false, true, 1.0 / 3.0),
        (true, true, false, 1.0 / 4.0),
        (true, false, true, 1.0 / 4.0),
        (false, true, true, 1.0 / 4.0),
        (true, true, true, 1.0 / 5.0),
    ] {
        let denominator = Denominator { abandoned, short_abandoned, flow_outs };
        assert_eq!(queue.service_level(denominator), Some(level), "{denominator:?}");
    }
    assert_eq!(queue.asterisk_sl(), Some(0.5));
    assert_eq!(queue.asterisk_sl2(), Some(2.0 / 4.0));
    assert_eq!(queue.average_speed_of_answer(), Some(secs(20)));
    assert_eq!(queue.average_wait_to_abandon(), Some(secs(40)));
    assert_eq!(queue.abandonment_rate(), Some(0.2));
    assert_eq!(queue.average_handle_time(), Some(secs((100 + 50 + 60) / 2)));
    assert_eq!(queue.wait_max, secs(40));
    let ann = &figures.agents[&name("ann")];
    assert_eq!((ann.talking, ann.wrap_up, ann.available, ann.logged_in()), (secs(100), secs(30), secs(30), secs(160)));
    assert_eq!((ann.occupancy(), ann.utilisation()), (Some(130.0 / 160.0), Some(130.0 / 160.0)));
    // An entry counts where it was offered, whenever it ends.
    let morning = FiguresConf { until: Time::from_millis(200_000), ..conf };
    assert_eq!(Figures::of(&centre.facts, morning).queues.values().map(|queue| queue.offered).sum::<u64>(), 2);
}
