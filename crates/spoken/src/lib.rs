//! Numbers, dates, times and amounts as people say them: words of a language, in its grammar, one after another. Each word
//! is a piece that can be recorded, or spoken by an engine, once; what is said of any value is made of them.
//!
//! Where it stands: below `flow`, which plays the pieces. It knows no sound.
#![forbid(unsafe_code)]

mod croatian;
mod english;
mod french;
mod german;
mod grammar;
mod kind;
mod language;
mod spanish;
mod value;

pub use kind::Kind;
pub use language::Language;

/// The name a word's recording goes by: its letters without accents.
pub fn slug(word: &str) -> String {
    let mut slug = String::new();
    for letter in word.chars() {
        match letter {
            'č' | 'ć' => slug.push('c'),
            'š' => slug.push('s'),
            'ž' => slug.push('z'),
            'đ' => slug.push('d'),
            'á' | 'à' | 'â' => slug.push('a'),
            'ä' => slug.push_str("ae"),
            'é' | 'è' | 'ê' | 'ë' => slug.push('e'),
            'í' | 'î' => slug.push('i'),
            'ó' | 'ô' => slug.push('o'),
            'ö' => slug.push_str("oe"),
            'ú' | 'û' => slug.push('u'),
            'ü' => slug.push_str("ue"),
            'ñ' => slug.push('n'),
            'ß' => slug.push_str("ss"),
            ' ' | '-' => slug.push('-'),
            letter if letter.is_ascii_alphanumeric() => slug.push(letter.to_ascii_lowercase()),
            _ => {}
        }
    }
    slug
}
