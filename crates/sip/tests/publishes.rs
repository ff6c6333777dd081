//! PUBLISH, seen from a phone (RFC 3903 §4, §6).

mod desk;

use desk::*;

fn pidf(basic: &str, activity: &str) -> String {
    format!("<presence><tuple id=\"t\"><status><basic>{basic}</basic></status></tuple><{activity}/></presence>")
}

/// A phone that publishes, and counts.
struct Publisher {
    desk: Desk,
    cseq: u32,
}

impl Publisher {
    /// What is said to a PUBLISH of 101, with the changes: the status, and the events after it.
    fn publish(&mut self, change: impl Fn(Text) -> Text) -> (String, String) {
        let phone = Phone::new("101", udp(at(5062)));
        self.cseq += 10;
        let via = format!("SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bKpub{};rport", self.cseq);
        let request = phone.request("PUBLISH", "sip:101@centrala", self.cseq).without("Contact").set("Via", &via);
        let request = change(request.set("Event", "presence").set("Expires", "600"));
        let first = self.desk.say(phone.flow, &request.print()).text();
        if status(&first) != 401 {
            return (first, String::new());
        }
        let again = request.again(self.cseq + 1, &first, "101", "secret");
        let (mut texts, events) = self.desk.say(phone.flow, &again.print()).both();
        assert_eq!(texts.len(), 1, "{texts:?}");
        let events: Vec<_> =
            events.iter().map(|event| format!("{event:?}").split(' ').next().unwrap().to_owned()).collect();
        (texts.remove(0), events.join(" "))
    }

    fn activity(&self) -> Option<String> {
        let said = self.desk.endpoint.said_of_himself("101", self.desk.now)?;
        Some(format!("{} {:?}", said.open, said.activity))
    }
}

#[test]
fn what_somebody_says_of_himself_is_kept_while_he_keeps_it_fresh() {
    let mut publisher = Publisher { desk: Desk::new(), cseq: 0 };
    let kind = "application/pidf+xml";
    let (ok, events) = publisher.publish(|text| text.typed(&pidf("open", "away"), kind));
    assert_eq!((status(&ok), header(&ok, "Expires"), &*events), (200, "600", "Published"));
    assert_eq!(publisher.activity().as_deref(), Some("true Some(Away)"));
    let first = header(&ok, "SIP-ETag").to_owned();
    publisher.desk.pass(500_000);
    let (ok, _) = publisher.publish(|text| text.set("SIP-If-Match", &first));
    let second = header(&ok, "SIP-ETag").to_owned();
    assert_ne!(first, second);
    let (gone, _) = publisher.publish(|text| text.set("SIP-If-Match", &first));
    assert_eq!(status(&gone), 412);
    publisher.desk.pass(500_000);
    assert_eq!(publisher.activity().as_deref(), Some("true Some(Away)"), "it was refreshed");
    let (ok, _) = publisher.publish(|text| text.set("SIP-If-Match", &second).typed(&pidf("closed", "busy"), kind));
    assert_eq!(publisher.activity().as_deref(), Some("false Some(Busy)"));
    let third = header(&ok, "SIP-ETag").to_owned();
    let (ok, events) = publisher.publish(|text| text.set("SIP-If-Match", &third).set("Expires", "0"));
    assert_eq!((status(&ok), &*events, publisher.activity()), (200, "Published", None));

    publisher.publish(|text| text.typed(&pidf("open", "away"), kind));
    publisher.desk.pass(599_000).heard();
    assert_eq!(publisher.desk.pass(2_000).heard(), "Published(101)", "nobody kept it fresh");
    assert_eq!(publisher.activity(), None);
}

#[test]
fn what_cannot_be_published_is_refused() {
    let mut publisher = Publisher { desk: Desk::new(), cseq: 0 };
    let pidf = pidf("open", "away");
    type Change<'a> = Box<dyn Fn(Text) -> Text + 'a>;
    let rows: [(Change<'_>, u16); 8] = [
        (Box::new(|text: Text| text.set("Event", "dialog")), 489),
        (Box::new(|text: Text| text.without("Event")), 489),
        (Box::new(|text: Text| text.typed(&pidf, "application/xpidf+xml")), 415),
        (Box::new(|text: Text| text.typed("<presence/>", "application/pidf+xml")), 400),
        (Box::new(|text: Text| text), 400),
        (Box::new(|text: Text| text.typed(&pidf, "application/pidf+xml").set("Expires", "5")), 423),
        (
            Box::new(|text: Text| {
                text.typed(&pidf, "application/pidf+xml").first_line("PUBLISH sip:102@centrala SIP/2.0")
            }),
            403,
        ),
        (Box::new(|text: Text| text.typed(&pidf, "application/pidf+xml").set("From", "<sip:102@centrala>;tag=f")), 403),
    ];
    for (n, (change, wanted)) in rows.into_iter().enumerate() {
        let (said, _) = publisher.publish(change);
        assert_eq!((status(&said), publisher.activity()), (wanted, None), "row {n}: {said}");
    }
}
