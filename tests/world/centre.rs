//! The centre all scripts and storms run in: `tests/scripts/centre`, copied to a folder of its own with its prompts made.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use spoken::{Kind, Language, slug};

/// The prompts and the tone each of them is, so that ears can tell them apart.
pub const PROMPTS: [(&str, f64, u32); 19] = [
    ("welcome", 1700.0, 2_000),
    ("closed", 1900.0, 1_000),
    ("music", 2100.0, 3_000),
    ("hr/welcome", 2400.0, 2_000),
    ("enter", 2600.0, 1_000),
    ("wrong", 2750.0, 1_000),
    ("digit-0", 3300.0, 1_000),
    ("digit-1", 3300.0, 1_000),
    ("digit-2", 2900.0, 1_000),
    ("digit-3", 3300.0, 1_000),
    ("digit-4", 3100.0, 1_000),
    ("digit-5", 3300.0, 1_000),
    ("digit-6", 3300.0, 1_000),
    ("digit-7", 3300.0, 1_000),
    ("digit-8", 3300.0, 1_000),
    ("digit-9", 3300.0, 1_000),
    ("hr/say-dvadeset", 1500.0, 1_000),
    ("hr/say-dvije", 1300.0, 1_000),
    ("hr/say-minute", 1100.0, 1_000),
];

/// All words of numbers and minutes that are not among them.
const OTHER_WORDS_HZ: f64 = 3300.0;

/// A folder that is gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("centrala-{}-{number}-{name}", process::id()));
        let prompts = folder.join("prompts");
        fs::create_dir_all(prompts.join("hr")).expect("a temporary folder");
        let centre = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/centre");
        for file in fs::read_dir(centre).expect("the scripts' centre") {
            let file = file.expect("a file");
            fs::copy(file.path(), folder.join(file.file_name())).expect("a copy");
        }
        for (language, folder) in [(Language::English, prompts.clone()), (Language::Croatian, prompts.join("hr"))] {
            for word in Kind::Minutes.pieces(language) {
                let path = folder.join(format!("say-{}.wav", slug(word)));
                write_prompt(&path, &audio::tone(&[(OTHER_WORDS_HZ, -12.0)], 300));
            }
        }
        for (name, hz, ms) in PROMPTS {
            write_prompt(&prompts.join(format!("{name}.wav")), &audio::tone(&[(hz, -12.0)], ms));
        }
        Folder(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn write_prompt(path: &Path, pcm: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: audio::SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).expect("a prompt");
    pcm.iter().for_each(|sample| file.write_sample(*sample).expect("a sample"));
    file.finalize().expect("a whole prompt");
}
