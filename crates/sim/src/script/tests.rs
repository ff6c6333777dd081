use super::*;

fn step(text: &str) -> Result<Step, String> {
    Script::read("x.call", text).map(|script| script.lines[0].step.clone()).map_err(|errors| errors[0].what.clone())
}

#[test]
fn the_script_of_the_style_page_reads() {
    let text = "# The first agent does not pick up in time; the second does. RFC 3261 §9.1 (CANCEL), §13.
# Phones send ACK, and answer CANCEL, by themselves unless a line says otherwise.
caller    > INVITE sip:sales  offer pcma
caller    < 200               header X-Queue: sales

ann       > 180
+15s      # ring_secs
bob       > 200               answer pcma
caller    hears bob
recording left caller, right bob
bob       > BYE
cdr       queue=sales wait=15s answered_by=bob ended_by=agent
";
    let script = Script::read("x.call", text).expect("it reads");
    assert_eq!(script.title, "The first agent does not pick up in time; the second does. RFC 3261 §9.1 (CANCEL), §13.");
    let numbers: Vec<usize> = script.lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [3, 4, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(script.lines[3].step, Step::Wait(std::time::Duration::from_secs(15)));
    assert_eq!(
        script.lines[1].step,
        Step::Expect {
            who: "caller".into(),
            pattern: Pattern {
                what: "200".into(),
                to: None,
                header: Some(("X-Queue".into(), "sales".into())),
                body: None,
                within: None,
            }
        }
    );
}

#[test]
fn a_hash_is_a_key_and_with_a_blank_a_comment() {
    let presses = |keys: &str| Step::Does {
        who: "ann".into(),
        act: Act::Presses { keys: keys.into(), by: crate::phone::Keys::Event },
    };
    assert_eq!(step("ann presses 12#"), Ok(presses("12#")));
    assert_eq!(step("ann presses #  # the hash"), Ok(presses("#")));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let errors =
        Script::read("tests/scripts/x.call", "ann registers\nann sings\n\n+5\n").expect_err("two lines are wrong");
    let told: Vec<String> = errors.iter().map(ScriptError::to_string).collect();
    assert_eq!(
        told,
        [
            "tests/scripts/x.call:2: no phone \"sings\"; it can registers, >, <, hears, presses, holds, resumes, asks (for an offer), falls silent, speaks, encrypts, can encrypt and vanishes",
            "tests/scripts/x.call:4: \"5\" is no time; write it as 15s or 200ms",
        ]
    );
    for (text, what) in [
        (
            "ann",
            "the line stops where what the phone does: \"registers\", \"> INVITE 202\", \"< 200\", \"hears bob\", … should follow",
        ),
        (
            "ann > ACK",
            "\"ACK\" cannot be said here; a phone says INVITE, REGISTER, CANCEL, BYE, REFER, SUBSCRIBE, PUBLISH, MESSAGE or a status (the rest by itself)",
        ),
        ("ann > SUBSCRIBE 202 for 5", "a SUBSCRIBE has no \"for\"; write event, expires or header"),
        ("ann > MESSAGE to 202", "a MESSAGE without a body says nothing; write body TEXT"),
        ("mailbox ann 2", "a mailbox has no \"2\"; write new or old"),
        ("ann > INVITE", "the line stops where a number to call should follow"),
        ("ann > INVITE 202 offer g729", "\"g729\" is no codec; write pcmu, pcma, g722 or opus"),
        ("ann < HELLO", "\"HELLO\" is neither a method nor a status"),
        ("ann hears tone loud", "\"loud\" is no number"),
        ("ann presses x", "\"x\" are no keys; write 0-9, *, #, A-D"),
        ("ann holds on", "\"on\" says nothing about a hold; write by and in"),
        ("network loss 101%", "\"101%\" is no share; write it as 5%"),
        (
            "ann < INVITE BYE",
            "a message is not looked at for \"BYE\"; write within TIME, header NAME: VALUE or body TEXT",
        ),
        ("cdr caller", "\"caller\" is no FIELD=VALUE, such as caller=ann"),
        ("recording right bob", "\"right\" stands where \"left\" should"),
    ] {
        assert_eq!(step(text), Err(what.to_owned()), "{text}");
    }
}
