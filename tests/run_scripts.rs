//! Runs every `tests/scripts/*.call` against the real switch. `SCRIPT=hold cargo test --test run_scripts -- --nocapture`
//! runs those whose name has "hold" in it, and shows what everybody said and heard.

mod world;

use std::path::Path;
use std::{env, fs};

use sim::Script;

#[test]
fn every_script_comes_true() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the scripts").map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "call"));
    files.sort();
    let wanted = env::var("SCRIPT").ok();
    let mut failures = Vec::new();
    let mut played = 0;
    for file in files {
        let name = format!("tests/scripts/{}", file.file_name().unwrap_or_default().display());
        if wanted.as_ref().is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        played += 1;
        let text = fs::read_to_string(&file).expect("a script");
        match Script::read(&name, &text) {
            Err(errors) => failures.extend(errors.iter().map(ToString::to_string)),
            Ok(script) => match world::play::play(&script) {
                Ok(world) if wanted.is_some() => println!("{name}: {}\n{}\n", script.title, world.ladder.join("\n")),
                Ok(_) => {}
                Err(failure) => failures.push(failure),
            },
        }
    }
    assert!(played > 0, "no script has {wanted:?} in its name");
    assert!(
        failures.is_empty(),
        "{} of {played} scripts do not come true:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}
