//! A new conf and a new start: what was stays.

use super::*;

#[test]
fn a_new_conf_keeps_places_and_states() {
    let mut centre = Centre::new(vec![sales()]);
    centre.log_in(&["ann", "bob"]);
    let (talk, rings, waits) = (centre.join("sales"), centre.join("sales"), centre.join("sales"));
    centre.answer(talk, "ann");
    assert_eq!(centre.rung(rings), ["bob"]);
    centre.pass(secs(1));
    let agents = ["ann", "cid"].map(|agent| AgentConf { name: name(agent), skills: Vec::new() }).into();
    let members = vec![member("ann", 0, 1), member("cid", 0, 1)]; // bob is taken out
    let queues = vec![QueueConf { members, wrap_up: secs(7), ..sales() }];
    centre.tell(Input::Reload(Box::new(AcdConf { agents, queues })));
    assert_eq!((centre.state("ann"), centre.state("bob")), (AgentState::Talking, AgentState::LoggedOut));
    assert_eq!((centre.rung(rings).len(), centre.acd.position(rings)), (0, Some(1)));
    centre.log_in(&["cid"]);
    assert_eq!((centre.rung(rings), centre.acd.position(waits)), (vec!["cid".to_owned()], Some(2)));
    centre.end(talk);
    assert_eq!(centre.state("ann"), AgentState::WrapUp, "the new conf's");
    centre.tell(Input::Reload(Box::default()));
    assert_eq!([rings, waits].map(|call| centre.outcome(call)), [Some("closed"); 2]);
    centre.tell(Input::Reload(Box::new(AcdConf { agents: Vec::new(), queues: vec![sales()] })));
    assert_eq!(centre.acd.waiting(&"sales".parse().expect("a name")), 0);
}

#[test]
fn after_a_restart_agents_are_what_they_were_once_their_phones_are_there() {
    let mut centre = Centre::new(vec![sales()]);
    let was = |agent: &str, state, calls| RestoredAgent {
        agent: name(agent),
        state,
        calls,
        talked: secs(60),
        left: Vec::new(),
    };
    let agents = vec![
        was("cid", AgentState::Talking, 3),
        was("ann", AgentState::Available, 5),
        was("bob", AgentState::Paused("lunch".into()), 1),
        was("gone", AgentState::Available, 1),
    ];
    let left = vec!["sales".parse().expect("a name")];
    let agents = agents.into_iter().map(|was| match was.agent.as_str() {
        "bob" => RestoredAgent { left: left.clone(), ..was },
        _ => was,
    });
    centre.tell(Input::Restore(Restored { agents: agents.collect(), owed: Vec::new() }));
    let of_bob = |centre: &Centre| centre.acd.agents()[1].queues.len();
    assert_eq!(of_bob(&centre), 0, "he did not serve it");
    assert_eq!(centre.state("bob"), AgentState::Paused("lunch".into()));
    let call = centre.join("sales");
    assert_eq!(centre.rung(call), Vec::<String>::new(), "no phone is there");
    for agent in ["bob", "ann", "cid"] {
        centre.tell(Input::PhoneBack { agent: name(agent) });
    }
    assert_eq!((centre.state("bob"), centre.state("cid")), (AgentState::Paused("lunch".into()), AgentState::Available));
    assert_eq!(centre.rung(call), ["ann"], "whose phone was there first");
    assert_eq!(centre.acd.agents()[0].calls, 5);
    let next = centre.join("sales");
    assert_eq!(centre.rung(next), ["cid"]);
}

#[test]
fn who_lost_his_place_by_a_fault_of_ours_has_waited_already() {
    let mut centre = Centre::new(vec![sales()]);
    let queue: QueueName = "sales".parse().expect("a name");
    let owed = |caller: &str| Owed { queue: queue.clone(), caller: caller.into(), waited: secs(60) };
    let owed = vec![owed("+481"), owed("anonymous")];
    centre.tell(Input::Restore(Restored { agents: Vec::new(), owed }));
    let first = centre.join_as("sales", "+482", 0);
    centre.pass(secs(1));
    let hidden = centre.join_as("sales", "anonymous", 0);
    centre.pass(secs(30));
    let (owed, again) = (centre.join_as("sales", "+481", 0), centre.join_as("sales", "+481", 0));
    let places = [owed, first, hidden, again].map(|call| centre.acd.position(call));
    assert_eq!(places, [Some(1), Some(2), Some(3), Some(4)], "once, and only whom we know");
    // A fault while the switch runs is one, too.
    centre.tell(Input::Gone { call: first, how: Gone::Failed });
    let back = centre.join_as("sales", "+482", 0);
    assert_eq!(centre.acd.position(back), Some(2));
    centre.pass(secs(16 * 60));
    centre.tell(Input::Gone { call: back, how: Gone::Failed });
    centre.pass(secs(16 * 60));
    let late = centre.join_as("sales", "+482", 0);
    assert_eq!(centre.acd.position(late), Some(4), "that was too long ago");
}
