use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use base::Random;
use hound::WavSpec;

use super::{Conf, Problems};

/// A conf folder of one test's own.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("centrala-conf-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder of our own");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file of our own");
        }
        Folder(folder)
    }

    fn problems(&self) -> Vec<String> {
        match Conf::load(&self.0) {
            Ok(_) => Vec::new(),
            Err(Problems(problems)) => {
                let prefix = format!("{}/", self.0.display());
                problems.iter().map(|problem| problem.to_string().replace(&prefix, "")).collect()
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_conf_we_ship_is_a_working_small_centre() {
    let conf = Conf::load(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("conf")).expect("no errors");
    assert_eq!((conf.people.len(), conf.flow.menus.len()), (3, 1));
    assert!(conf.flow.prompts["welcome"].usual.seconds() > 1.0);
}

#[test]
fn every_error_is_told_with_its_place_and_remedy() {
    for (file, text, told) in [
        ("switch.toml", "liste = []", "switch.toml:1:1: unknown field `liste`"),
        ("switch.toml", "listen = [\"nowhere\"]", "switch.toml:1:11: \"nowhere\" is no address and port; write it as"),
        ("switch.toml", "listen = [", "switch.toml:1:"),
        ("switch.toml", "[siprec]\nnumber = \"x\"", "switch.toml:1:1: missing field `trunk`"),
        ("switch.toml", "listen = [\"127.0.0.1:5060\"]\n[siprec]\ntrunk = \"nobody\"", "switch.toml:3:9: "),
        ("switch.toml", "realm = 7", "switch.toml:1:9: invalid type: integer `7`, expected a string"),
        (
            "switch.toml",
            "[media]\ncodecs = [\"G729\"]",
            "switch.toml:2:11: \"G729\" is no codec of ours; write opus, G722",
        ),
        ("switch.toml", "[media]\nports = \"9-1\"", "switch.toml:2:9: [media] ports is no range of ports; write it as"),
        ("switch.toml", "[features]\nblind = \"1x\"", "switch.toml:2:9: \"1x\" are no keys; write one to eight of 0-9"),
        (
            "switch.toml",
            "[features]\nblind = \"*1\"\nabort = \"*11\"",
            "switch.toml:3:9: \"*11\" and \"*1\" begin alike, so one of them could never be meant",
        ),
        ("switch.toml", "[features]\nprompt = \"none\"", "switch.toml:2:10: "),
        ("switch.toml", "digest = [\"SHA-1\"]", "switch.toml:1:11: \"SHA-1\" is no digest algorithm of ours; write"),
        ("switch.toml", "[[record]]\nqueue = \"none\"", "switch.toml:2:9: there is no queue \"none\"; add"),
        ("switch.toml", "[[record]]\nperson = \"eve\"", "switch.toml:2:10: there is no person \"eve\"; add"),
        ("switch.toml", "[[record]]\ntrunk = \"out\"", "switch.toml:2:9: there is no trunk \"out\"; add"),
        ("switch.toml", "[[record]]\npercent = 101", "switch.toml:2:11: percent is 0 to 100 of the calls"),
        ("switch.toml", "[[record]]\nkeep = \"all\"", "switch.toml:2:8: \"all\" is none of \"journey\", \"talk\""),
        ("switch.toml", "[[record]]\ndirection = \"in\"", "switch.toml:2:13: \"in\" is none of \"internal\","),
        ("switch.toml", "[[record]]\nnumber = [\"6 0\"]", "switch.toml:2:11: \"6 0\" is no number; write"),
        ("switch.toml", "[[record]]\nclass = \"long\"", "switch.toml:2:9: there is no class \"long\"; say"),
        ("switch.toml", "[retention]\ndays = 0", "switch.toml:2:8: recordings are kept for 1 to 36500 days"),
        ("switch.toml", "[retention.queue]\nnone = 9", "switch.toml:2:1: there is no queue \"none\"; add"),
        ("switch.toml", "[[record]]\nname = \"\"", "switch.toml:2:8: \"\" is no name; write"),
        ("people.toml", "[Ann]", "people.toml:1:2: \"Ann\" is no name; write"),
        ("people.toml", "[ann]\nnumbr = \"1\"", "people.toml:2:1: unknown field `numbr`"),
        ("people.toml", "[ann]\nnumber = \"x\"", "people.toml:2:10: \"x\" is no number; write digits"),
        (
            "people.toml",
            "[ann]\npassword = \"abc\"",
            "people.toml:2:12: ann's password is shorter than 6 letters; make it",
        ),
        (
            "people.toml",
            "[ann]\nnumber = \"1\"\n[bob]\nnumber = \"1\"",
            "people.toml:4:10: 1 is already ann's number; give bob another",
        ),
        ("people.toml", "[ann]\nwatchers = \"all\"", "people.toml:2:12: \"all\" are no watchers; write \"everybody\""),
        ("people.toml", "[ann]\nmwi = \"on\"", "people.toml:2:7: \"on\" is no way to tell of messages; write"),
        ("people.toml", "[ann]\nwatchers = [\"eve\"]", "people.toml:2:12: there is no person \"eve\"; add [eve]"),
        ("switch.toml", "[watch]\nwatchers = [\"ann\"]", "switch.toml:2:12: [watch] watchers is \"everybody\" or"),
        ("switch.toml", "[watch]\nwatcher = \"nobody\"", "switch.toml:2:1: unknown field `watcher`"),
        ("switch.toml", "[register]\nflow_timer_secs = 5", "switch.toml:2:19: [register] flow_timer_secs is below 30"),
        (
            "switch.toml",
            "[register]\nservice_route = [\"sip:edge\"]",
            "switch.toml:2:18: \"sip:edge\" is no proxy to pass",
        ),
        ("switch.toml", "[watch]\nexpires_secs_min = 7200", "switch.toml:1:1: [watch] expires_secs_min must be at"),
        ("trunks.toml", "[out]", "trunks.toml:1:1: missing field `address`"),
        ("trunks.toml", "[out]\naddress = \"a carrier\"", "trunks.toml:2:11: \"a carrier\" is neither a domain name"),
        ("switch.toml", "[dns]\nservers = [\"ns\"]", "switch.toml:2:12: \"ns\" is no address of a name server"),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\nfrom = [\"192.0.2.0/33\"]",
            "trunks.toml:3:9: \"192.0.2.0/33\" is no address or network; write",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.register]",
            "trunks.toml:3:1: [out] registers without user and password; add",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.limits]\ncals = 1",
            "trunks.toml:4:1: unknown field `cals`",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.health]\noptions_secs = 1",
            "trunks.toml:4:16: options_secs is 5 to 3600",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.numbers]\nsend = \"e164\"",
            "trunks.toml:4:8: without a country",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.numbers]\ncountry = \"0385\"",
            "trunks.toml:4:11: country is a country",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.numbers]\ncountry = \"385\"\nsend = \"x\"",
            "trunks.toml:5:8: \"x\" is no form of numbers; write",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.identity]\nsend = \"pai\"",
            "trunks.toml:4:8: identities are asserted only to who is trusted",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.headers]\nadd = { \"v\" = \"x\" }",
            "trunks.toml:4:9: v is no header of anybody",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.headers]\nadd = { \"X-A\" = \"{agent}\" }",
            "trunks.toml:4:17: {agent} means nothing; write {call}",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.headers]\nadd = { \"X-A\" = \"a\\r\\nVia: x\" }",
            "trunks.toml:4:17: a value is one line",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.headers]\npass = [\"p-asserted-IDENTITY\"]",
            "trunks.toml:4:9: p-asserted-IDENTITY is no header",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[out.headers]\nremove = [\"Via\"]",
            "trunks.toml:4:11: Via makes an INVITE what it is",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[groups.out]\ntrunks = [{ trunk = \"out\" }]",
            "trunks.toml:3:9: out is a trunk already",
        ),
        (
            "trunks.toml",
            "[groups.all]\ntrunks = [{ trunk = \"none\" }]",
            "trunks.toml:2:11: there is no trunk \"none\"; add",
        ),
        ("trunks.toml", "[groups.all]\ntrunks = []", "trunks.toml:2:10: group all must have 1 to"),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[groups.all]\ntrunks = [{ trunk = \"out\" }]\nstatuses = [503, \"480-490\"]",
            "trunks.toml:5:18: 484 speaks of whom was called",
        ),
        (
            "trunks.toml",
            "[out]\naddress = \"192.0.2.1:5060\"\n[groups.all]\ntrunks = [{ trunk = \"out\" }]\nstatuses = [200]",
            "trunks.toml:5:13: this is no status",
        ),
        (
            "routes.toml",
            "[[route]]\nnumber = \"1\"\nto = \"person:eve\"",
            "routes.toml:3:6: there is no person \"eve\"; add [eve] to people.toml",
        ),
        ("routes.toml", "[[route]]\nnumber = \"1\"\nto = \"eve\"", "routes.toml:3:6: \"eve\" is no destination; write"),
        (
            "routes.toml",
            "[[route]]\nnumber = \"1\"\nto = \"echo\"\nfrom = \"trunk:x\"",
            "routes.toml:4:8: there is no trunk \"x\"; add [x] to trunks.toml",
        ),
        (
            "routes.toml",
            "[[rout]]\n",
            "routes.toml:1:3: \"rout\" is unknown here; write [[route]], [group.NAME] or [hours.NAME]",
        ),
        (
            "routes.toml",
            "[[route]]\nnumber = \"4\"\nwhen = \"x\"\nto = \"echo\"",
            "routes.toml:3:8: there are no hours \"x\"; add",
        ),
        ("routes.toml", "[[route]]\nnumber = \"4\"\nto = \"open:x\"", "routes.toml:3:6: there are no hours \"x\"; add"),
        ("menus.toml", "[a]\nset = { caller = \"1\" }\nthen = \"echo\"", "menus.toml:2:9: \"caller\" is no field"),
        ("menus.toml", "[a]\nset = { x = \"1\" }\nthen = \"menu:b\"", "menus.toml:3:8: there is no menu \"b\"; add"),
        (
            "menus.toml",
            "[a]\nchoose = \"x\"\ncases = { \"1 2\" = \"echo\" }\notherwise = \"echo\"",
            "menus.toml:3:11: \"1 2\" is no number",
        ),
        (
            "routes.toml",
            "[hours.x]\nopen = [\"mon 8-17\"]",
            "routes.toml:2:9: \"mon 8-17\" names no days and hours; write",
        ),
        (
            "routes.toml",
            "[hours.x]\nzone = \"Mars\"\nopen = []",
            "routes.toml:2:8: there is no time zone \"Mars\"; write",
        ),
        ("routes.toml", "[hours.x]\nholidays = \"x.ics\"\nopen = []", "routes.toml:2:12: the calendar"),
        ("routes.toml", "[[route]]\nnumber = \"4\"\ncaller_file = \"x\"\nto = \"echo\"", "routes.toml:3:15: the list"),
        (
            "routes.toml",
            "[[route]]\nnumber = \"4\"\nto = \"echo\"\nsplit = [{ percent = 60, to = \"tone\" }, { percent = 60, to = \"tone\" }]",
            "routes.toml:2:10: its shares are more than 100 percent",
        ),
        (
            "routes.toml",
            "[[route]]\nnumber = \"4\"\nto = \"echo\"\nsplit = [{ percent = 0, to = \"tone\" }]",
            "routes.toml:4:22: a share is 1 to 100 percent",
        ),
        ("routes.toml", "[group.a]\npeople = [\"eve\"]", "routes.toml:2:11: there is no person \"eve\"; add"),
        ("routes.toml", "[[route]]\nnumber = \"4\"\nto = \"queue:x\"", "routes.toml:3:6: there is no queue \"x\"; add"),
        (
            "queues.toml",
            "[sales]",
            "queues.toml:1:2: \"sales\" is unknown here; write [queue.NAME], [agent.NAME], [pauses] or",
        ),
        ("queues.toml", "[queue.a]\naccept = \"12\"", "queues.toml:2:10: \"12\" is no key; write one of 0-9"),
        ("queues.toml", "[queue.a]\nwhisper = \"no\"", "queues.toml:2:11: the prompt"),
        (
            "routes.toml",
            "[[route]]\nnumber = \"4\"\nto = \"disposition\"",
            "routes.toml:3:6: there are no codes of what",
        ),
        (
            "queues.toml",
            "[queue.a]\ncall_back = { key = \"12\", confirm = \"x\" }",
            "queues.toml:2:21: \"12\" is no key",
        ),
        ("queues.toml", "[queue.a]\ncall_back = { key = \"1\" }", "queues.toml:2:13: missing field `confirm`"),
        ("queues.toml", "[pauses]\n\"x\" = \"lunch\"", "queues.toml:2:1: \"x\" is no code; write one to eight"),
        ("queues.toml", "[pauses]\n1 = \" \"", "queues.toml:2:5: says nothing, or too much"),
        ("routes.toml", "[[route]]\nnumber = \"4\"\nto = \"pause:*\"", "routes.toml:3:6: there are no codes of pauses"),
        ("routes.toml", "[[route]]\nnumber = \"4\"\nto = \"wrap-up:0\"", "routes.toml:3:6: wrap-up:0 is no time"),
        ("queues.toml", "[queue.Sales]", "queues.toml:1:8: \"Sales\" is no name; write"),
        ("queues.toml", "[queue.a]\nagents = [\"eve\"]", "queues.toml:2:11: there is no person \"eve\"; add"),
        ("queues.toml", "[queue.a]\nring_sec = 1", "queues.toml:2:1: unknown field `ring_sec`"),
        (
            "queues.toml",
            "[queue.a]\nstrategy = \"best\"",
            "queues.toml:2:12: \"best\" is unknown here; write one of ring-",
        ),
        (
            "queues.toml",
            "[queue.a]\nstay_needs = \"all\"",
            "queues.toml:2:14: \"all\" is unknown here; write one of nobody,",
        ),
        ("queues.toml", "[queue.a]\nmusic = \"x\"", "queues.toml:2:9: the prompt "),
        ("queues.toml", "[queue.a]\nmusic = []", "queues.toml:2:9: there is nothing to play here; write the names"),
        ("queues.toml", "[queue.a]\nmusic = { folder = \"jazz\" }", "queues.toml:2:9: the folder "),
        ("queues.toml", "[queue.a]\nmusic = { folder = \"../x\" }", "queues.toml:2:9: \"../x\" is no folder's name"),
        (
            "queues.toml",
            "[queue.a]\nmusic = { shufled = true }",
            "queues.toml:2:9: write a prompt's name, a list of names, or",
        ),
        ("queues.toml", "[queue.a.keys]\nx = \"echo\"", "queues.toml:2:1: \"x\" is no key; write"),
        ("queues.toml", "[queue.a.overflow]\nfull = \"queue:b\"", "queues.toml:2:8: there is no queue \"b\"; add"),
        ("queues.toml", "[queue.a.weights]\nann = 2", "queues.toml:2:1: \"ann\" does not serve queue a; name"),
        ("queues.toml", "[queue.a]\nskills = { \"E\" = 1 }", "queues.toml:2:12: \"E\" is no skill's name; write"),
        ("menus.toml", "[a]\nlook_up = \"crm\"\nthen = \"echo\"", "menus.toml:2:11: \"crm\" is no web address; write"),
        (
            "menus.toml",
            "[a]\nlook_up = \"http://crm/\"\ntimeout_secs = 9\nthen = \"echo\"",
            "menus.toml:3:16: timeout_secs is a number from 1 to 8",
        ),
        (
            "menus.toml",
            "[a]\nlook_up = \"http://crm/\"\nfields = { x = \"a.b\" }\nthen = \"echo\"",
            "menus.toml:3:16: \"a.b\" is no place in an answer; write",
        ),
        ("menus.toml", "[a]\nhook = \"http://{x}/\"", "menus.toml:2:8: \"http://{x}/\" names no host; write"),
        (
            "menus.toml",
            "[a]\nhook = \"http://ivr/\"\nleads = [\"menu:b\"]",
            "menus.toml:3:10: there is no menu \"b\"; add",
        ),
        ("menus.toml", "[main]\ngreeting = \"x\"", "menus.toml:2:12: the prompt "),
        ("menus.toml", "[main]\ngreeting = \"../x\"", "menus.toml:2:12: \"../x\" is no prompt's name; write"),
        ("menus.toml", "[a]\nsay = \"days:x\"", "menus.toml:2:7: days cannot be said in the language en: "),
        (
            "menus.toml",
            "[a]\nsay = \"smells:x\"",
            "menus.toml:2:7: \"smells\" is nothing that can be said; write digits, ",
        ),
        (
            "switch.toml",
            "[speech]\ncommand = [\"no-such-engine\"]",
            "switch.toml:2:11: there is no program no-such-engine;",
        ),
        ("switch.toml", "[speech]\ncommand = []", "switch.toml:2:11: the command is empty; name a program"),
        ("texts.toml", "bye = \" \"", "texts.toml:1:1: a text of bye is empty, or longer"),
        ("switch.toml", "[speech]\nlanguage = \"tlh\"", "switch.toml:2:12: \"tlh\" is no language whose numbers can"),
        (
            "secrets.toml",
            "realm = \"other\"",
            "secrets.toml: belongs to realm \"other\", but switch.toml says \"centrala\"; write",
        ),
    ] {
        let problems = Folder::with(&[(file, text)]).problems();
        assert!(problems.first().is_some_and(|problem| problem.starts_with(told)), "{text}\n  gave {problems:#?}");
        assert_eq!(problems.len(), 1, "{text}\n  gave {problems:#?}");
    }
}

#[test]
fn a_recorder_elsewhere_hears_what_rules_record_that_there_are() {
    let switch =
        "listen = [\"127.0.0.1:5060\"]\n[[record]]\nname = \"all\"\n[siprec]\ntrunk = \"recorder\"\nrules = [RULES]";
    let trunks = ("trunks.toml", "[recorder]\naddress = \"192.0.2.9\"");
    for (rules, told) in [
        ("\"all\", \"route\", \"queue:sales\"", None),
        ("\"all\", \"sales\"", Some("switch.toml:6:17: no [[record]] is called \"sales\"")),
    ] {
        let problems = Folder::with(&[("switch.toml", &switch.replace("RULES", rules)), trunks]).problems();
        assert_eq!(problems.len(), usize::from(told.is_some()), "{problems:#?}");
        assert!(problems.iter().zip(told).all(|(problem, told)| problem.starts_with(told)), "{problems:#?}");
    }
}

#[test]
fn a_token_is_secret() {
    let token = "0123456789abcdef0123456789abcdef";
    let with = |text: &str, mode| {
        let folder = Folder::with(&[("api.toml", text)]);
        fs::set_permissions(folder.0.join("api.toml"), fs::Permissions::from_mode(mode)).expect("our own file");
        folder
    };
    let one = format!("[client.crm]\ntoken = \"{token}\"\n");
    let two = format!("{one}[client.board]\ntoken = \"{token}\"\nmay_change = true\n");
    for (text, mode, told) in [
        (one.as_str(), 0o644, "api.toml:1:1: has tokens, and everybody on this machine may read it"),
        ("[client.crm]\ntoken = \"short\"", 0o600, "api.toml:2:9: a token that can be guessed"),
        (two.as_str(), 0o600, "api.toml:2:9: board has this token already"),
        ("listen = \"here\"", 0o644, "api.toml:1:10: \"here\" is no address and port"),
    ] {
        let problems = with(text, mode).problems();
        assert!(problems.len() == 1 && problems[0].starts_with(told), "{text}\n  gave {problems:#?}");
    }
    let folder = with(&one, 0o640);
    let api = Conf::load(&folder.0).unwrap_or_else(|Problems(problems)| panic!("{problems:#?}")).switch.api;
    assert_eq!(api.door(), Some("127.0.0.1:9465".parse().expect("an address")));
    let found = |token| api.client(token).map(|client| (&*client.name, client.may_change));
    assert_eq!(found(token), Some(("crm", false)));
    assert!(found("").is_none() && found(&token[1..]).is_none() && !format!("{api:?}").contains(token));
    assert_eq!(Conf::load(&Folder::with(&[]).0).expect("a conf").switch.api.door(), None, "nobody, no door");
}

#[test]
fn what_nobody_recorded_is_spoken_in_each_language() {
    let menus = "[a]\nsay = \"bye minutes:wait\"\n[b]\nsay = \"hello\"";
    let texts = "bye = { en = \"Good bye.\", hr = \"Doviđenja.\" }\nhello = \"Hello.\"";
    let conf = |speech| Folder::with(&[("menus.toml", menus), ("texts.toml", texts), ("switch.toml", speech)]);
    let silent = conf("").problems();
    assert!(silent[0].contains("nothing speaks; name a command in [speech]"), "{silent:#?}");
    // An engine that needs half a second to say good bye in Croatian, and three tenths for all else.
    let folder = conf("");
    let spec =
        WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    for (name, samples) in [("short", 2_400), ("long", 4_000)] {
        let mut wav = hound::WavWriter::create(folder.0.join(name), spec).expect("a file of our own");
        (0..samples).for_each(|at| wav.write_sample(if at % 8 < 4 { 8_000_i16 } else { -8_000 }).expect("a sample"));
        wav.finalize().expect("a whole file");
    }
    let script = "if grep -q Dovi; then cat FOLDER/long; else cat FOLDER/short; fi";
    let script = script.replace("FOLDER", &folder.0.display().to_string());
    let engine = format!("[speech]\ncommand = [\"sh\", \"-c\", {script:?}]");
    fs::write(folder.0.join("switch.toml"), engine).expect("a file of our own");
    let conf = Conf::load(&folder.0).expect("a conf that speaks");
    let bye = &conf.flow.prompts["bye"];
    assert_eq!([&bye.usual, &bye.languages["hr"]].map(audio::Sound::seconds), [0.3, 0.5]);
    let spoken = fs::read_dir(folder.0.join("spoken")).expect("the cache").count();
    let words = [spoken::Language::English, spoken::Language::Croatian].map(|one| spoken::Kind::Minutes.pieces(one));
    // This engine has one voice: `minute` is spoken once for both.
    assert_eq!(spoken, 3 + words[0].union(&words[1]).count());
}

#[test]
fn all_errors_are_told_at_once() {
    let problems = Folder::with(&[
        ("people.toml", "[ann]\nwrong = 1\n[bob]\nnumber = \"x\"\n[eve]\nring_secs = 0"),
        ("routes.toml", "[[route]]\nnumber = \"\"\nto = \"menu:none\"\n[[route]]\nto = \"echo\""),
    ])
    .problems();
    let places: Vec<&str> = problems.iter().filter_map(|problem| problem.split(": ").next()).collect();
    assert_eq!(
        places,
        ["people.toml:2:1", "people.toml:4:10", "people.toml:6:13", "routes.toml:2:10", "routes.toml:4:1"]
    );
}

#[test]
fn passwords_are_made_once_and_only_their_digests_kept() {
    let folder = Folder::with(&[("people.toml", "[ann]\n[bob]\npassword = \"bob-knows-his\"")]);
    let mut conf = Conf::load(&folder.0).expect("no errors");
    let made = conf.make_passwords(&mut Random::numbered(1)).expect("a folder that can be written");
    let [(account, password)] = made.as_slice() else { panic!("one password is made: {made:?}") };
    assert_eq!(account, "ann");
    let kept = fs::read_to_string(folder.0.join("secrets.toml")).expect("the file was written");
    assert!(!kept.contains(password.as_str()), "the password itself is on disk");

    let mut again = Conf::load(&folder.0).expect("no errors");
    assert_eq!(again.make_passwords(&mut Random::numbered(2)).expect("nothing to write"), []);
    assert_eq!(again.ha1["ann"], sip::digest::Ha1::of("ann", "centrala", password));
}

#[test]
fn a_trunk_by_tls_says_whom_it_is_taken_for() {
    let with = |trunk: &str| {
        let text = format!("[carrier]\naddress = \"192.0.2.10:5061\"\n{trunk}\n");
        Folder::with(&[("trunks.toml", &text), ("switch.toml", "listen_tls = [\"0.0.0.0:5061\"]\n")])
    };
    for right in
        ["", "transport = \"tcp\"", "transport = \"tls\"\ntls_name = \"sip.carrier.example\"\ntls_roots = \"c.pem\""]
    {
        assert_eq!(with(right).problems(), [""; 0], "{right}");
    }
    for (wrong, line, what) in [
        ("transport = \"ws\"", 3, "no transport"),
        ("tls_name = \"sip.carrier.example\"", 3, "is not reached by TLS"),
        ("transport = \"udp\"\ntls_roots = \"c.pem\"", 4, "is not reached by TLS"),
        ("transport = \"tls\"\ntls_name = \"no name\"", 4, "no domain name"),
    ] {
        let problems = with(wrong).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&format!("trunks.toml:{line}:")) && problems[0].contains(what), "{problems:?}");
    }
}

#[test]
fn a_trunk_may_call_by_certificate_where_one_is_asked_for() {
    let with = |trunk: &str, listen: &str| {
        let text = format!("[carrier]\naddress = \"sip.carrier.example\"\n{trunk}\n");
        Folder::with(&[("trunks.toml", &text), ("switch.toml", listen)])
    };
    let asks = "listen_tls_trunks = [\"0.0.0.0:5062\"]\n";
    let names = "tls_from = [\"sip.carrier.example\", \"Gw.Carrier.example\"]";
    let right = with(&format!("{names}\ntls_roots = \"carrier.pem\"\ntransport = \"udp\""), asks);
    assert_eq!(right.problems(), [""; 0]);
    for (wrong, listen, line, what) in [
        (names.to_owned(), "", 3, "nobody asks for certificates"),
        ("tls_from = [\"*.carrier.example\"]".to_owned(), asks, 3, "no stars"),
        ("tls_from = [\"192.0.2.1\"]".to_owned(), asks, 3, "domain names"),
        (format!("{names}\nfrom = [\"192.0.2.0/24\"]"), asks, 4, "its addresses prove nothing"),
    ] {
        let problems = with(&wrong, listen).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&format!("trunks.toml:{line}:")) && problems[0].contains(what), "{problems:?}");
    }
}

#[test]
fn music_is_a_prompt_a_list_or_a_folder_and_each_file_is_read_once() {
    let wav = |samples: usize| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("in memory");
        (0..samples).for_each(|_| writer.write_sample(100_i16).expect("in memory"));
        writer.finalize().expect("in memory");
        bytes.into_inner()
    };
    let queues = "[queue.a]\nmusic = \"one\"\n[queue.b]\nmusic = [\"two\", \"one\"]\n\
                  [queue.c]\nmusic = { folder = \"jazz\", shuffled = true, goes_on = true }\n[queue.d]\n";
    let folder = Folder::with(&[
        ("people.toml", ""),
        ("routes.toml", ""),
        ("switch.toml", "[media]\nhold_music = [\"two\"]"),
        ("queues.toml", queues),
    ]);
    let prompts = folder.0.join("prompts");
    fs::create_dir_all(prompts.join("jazz")).unwrap();
    for (name, samples) in [("one", 160), ("two", 320), ("jazz/a", 480), ("jazz/b", 640), ("jazz/c", 800)] {
        fs::write(prompts.join(format!("{name}.wav")), wav(samples)).unwrap();
    }
    fs::write(prompts.join("jazz/cover.jpg"), "no sound").unwrap();
    let conf = Conf::load(&folder.0).expect("no problems");
    let lengths = |queue: &str| {
        let pieces = conf.flow.queues[queue].music.pieces().iter();
        pieces.map(audio::Sound::samples).collect::<Vec<usize>>()
    };
    assert_eq!((lengths("a"), lengths("b"), lengths("d")), (vec![160], vec![320, 160], vec![320]));
    let mut jazz = lengths("c");
    jazz.sort_unstable();
    assert_eq!(jazz, [480, 640, 800]);
    assert_eq!(conf.hold_music.pieces().len(), 1);
    assert_eq!(conf.flow.prompts.len(), 5, "each once, to be encoded before it is played");
}

#[test]
fn a_conference_has_pins_that_differ_and_moderators_where_they_are_needed() {
    let with = |room: &str| {
        let rooms = format!("[room.board]\n{room}\n");
        let routes = "[[route]]\nnumber = \"350\"\nto = \"conference:board\"\n";
        let people = "[ann]\nnumber = \"201\"\n";
        Folder::with(&[("people.toml", people), ("routes.toml", routes), ("conferences.toml", &rooms)])
    };
    for right in [
        "",
        "pin = \"1234\"\nmoderator_pin = \"4321\"\nwait_for_moderator = true\nannounce = \"none\"",
        "moderators = [\"ann\"]\nend_with_moderator = true\nmembers_max = 50\nrecord = true",
    ] {
        assert_eq!(with(right).problems(), [""; 0], "{right}");
    }
    for (wrong, what) in [
        ("pin = \"12\"", "four to twelve digits"),
        ("pin = \"1234\"\nmoderator_pin = \"1234\"", "let the two PINs differ"),
        ("moderators = [\"bob\"]", "there is no person \"bob\""),
        ("members_max = 51", "from 2 to 50"),
        ("muted = true", "nobody is a moderator"),
        ("announce = \"name\"", "write \"tone\" or \"none\""),
    ] {
        let problems = with(wrong).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("conferences.toml:") && problems[0].contains(what), "{problems:?}");
    }
    let nowhere = Folder::with(&[
        ("routes.toml", "[[route]]\nnumber = \"1\"\nto = \"conference:nowhere\"\n"),
        ("people.toml", ""),
    ]);
    assert!(nowhere.problems()[0].contains("add [room.nowhere] to conferences.toml"), "{:?}", nowhere.problems());
}

#[test]
fn messages_are_sent_by_a_server_that_is_named_and_never_a_password_in_clear() {
    let with = |text: &str| {
        let people = "[ann]\nnumber = \"201\"\n";
        Folder::with(&[("people.toml", people), ("routes.toml", ""), ("voicemail.toml", text)])
    };
    let mail = "[mail]\nserver = \"mail.example\"\nfrom = \"Centrala <v@example.com>\"\n";
    let to = "[person.ann]\nemail = \"ann@example.com\"\n";
    let conf = Conf::load(&with(&format!("transcript = [\"understand\"]\n{mail}{to}")).0).expect("no problems");
    let server = conf.mail.server.as_ref().expect("a server");
    assert_eq!((server.host.as_str(), server.port), ("mail.example", 587), "STARTTLS, unless said otherwise");
    assert!(conf.mail.has_work() && conf.mail.addresses["ann"] == "ann@example.com");
    for (wrong, what) in [
        (to.to_owned(), "there is no [mail]"),
        (format!("{mail}[person.ann]\nemail = \"ann\"\n"), "no e-mail address"),
        (format!("{mail}user = \"c\"\n{to}"), "go together"),
        (format!("{mail}user = \"c\"\npassword = \"s\"\ntls = \"none\"\n{to}"), "would go in clear"),
        (format!("{}{to}", mail.replace("mail.example", "mail.example:smtp")), "no mail server"),
        ("silence_secs = 0\n".to_owned(), "from 1 to 3600"),
    ] {
        let problems = with(&wrong).problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("voicemail.toml:") && problems[0].contains(what), "{problems:?}");
    }
}
