//! Names as keys spell them (ITU-T E.161): "Kovač" is 56822.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// People by the keys that spell their names, from each word of a name on: first name first, or the last.
#[derive(Clone, Debug, Default)]
pub struct Spellings(BTreeMap<Box<str>, Vec<Arc<str>>>);

impl Spellings {
    /// Accounts and names.
    pub fn of<'a>(people: impl IntoIterator<Item = (Arc<str>, &'a str)>) -> Spellings {
        let mut spellings = Spellings::default();
        for (account, name) in people {
            let words: Vec<String> =
                name.split_whitespace().map(|word| word.chars().filter_map(key).collect()).collect();
            for first in 0..words.len() {
                let spelled = [&words[first..], &words[..first]].concat().concat();
                let accounts = spellings.0.entry(spelled.into()).or_default();
                if !accounts.contains(&account) {
                    accounts.push(account.clone());
                }
            }
        }
        spellings
    }

    /// The one person whose name begins so; nobody, where it is too short or several are meant.
    pub(crate) fn person<'a>(&'a self, typed: &'a str) -> Option<&'a Arc<str>> {
        let mut meant = self.beginning(typed).flat_map(|(_, accounts)| accounts).filter(|_| typed.len() >= TYPED_MIN);
        let one = meant.next()?;
        meant.all(|other| other == one).then_some(one)
    }

    /// May more keys spell a name?
    pub(crate) fn may_go_on(&self, typed: &str) -> bool {
        self.beginning(typed).any(|(spelled, _)| spelled.len() > typed.len())
    }

    fn beginning<'a>(&'a self, typed: &'a str) -> impl Iterator<Item = (&'a Box<str>, &'a Vec<Arc<str>>)> {
        let from = (Bound::Included(typed), Bound::Unbounded);
        self.0.range::<str, _>(from).take_while(move |(spelled, _)| spelled.starts_with(typed))
    }
}

/// So many keys at least.
const TYPED_MIN: usize = 3;

/// The key a letter is on; letters with a mark are on the key of the one without.
fn key(letter: char) -> Option<char> {
    let letter = letter.to_lowercase().next()?;
    Some(match letter {
        '0'..='9' => letter,
        'a'..='c' | 'à'..='æ' | 'ç' | 'ā' | 'ą' | 'ă' | 'ć' | 'č' | 'ĉ' => '2',
        'd'..='f' | 'è'..='ë' | 'ð' | 'ď' | 'đ' | 'ē' | 'ė' | 'ę' | 'ě' => '3',
        'g'..='i' | 'ì'..='ï' | 'ğ' | 'ģ' | 'ī' | 'į' | 'ı' => '4',
        'j'..='l' | 'ķ' | 'ļ' | 'ľ' | 'ł' => '5',
        'm'..='o' | 'ñ'..='ö' | 'ø' | 'œ' | 'ń' | 'ņ' | 'ň' | 'ō' | 'ő' => '6',
        'p'..='s' | 'ß' | 'ŕ' | 'ř' | 'ś' | 'ş' | 'š' | 'ș' => '7',
        't'..='v' | 'ù'..='ü' | 'þ' | 'ţ' | 'ť' | 'ț' | 'ū' | 'ů' | 'ű' | 'ų' => '8',
        'w'..='z' | 'ý' | 'ÿ' | 'ź' | 'ż' | 'ž' => '9',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_meant_is_found_as_soon_as_it_is_clear() {
        let people = [("ann", "Ann Kovač"), ("bob", "Bob Kovačević"), ("jo", "Jörg Müller-Lüdenscheidt"), ("al", "Al")];
        let spellings = Spellings::of(people.map(|(account, name)| (account.into(), name)));
        for (typed, person) in [
            ("266", Some("ann")),      // Ann
            ("26656822", Some("ann")), // Ann Kovač
            ("56822", None),           // Kovač, and Kovačević
            ("56822266", Some("ann")), // Kovač Ann
            ("568223", Some("bob")),   // Kovače…
            ("56744", None),           // nobody
            ("685", Some("jo")),       // Mül…
            ("5674", Some("jo")),      // Jörg
            ("25", None),              // Al, too short to be sure
            ("", None),
        ] {
            assert_eq!(spellings.person(typed).map(|one| &**one), person, "{typed}");
        }
        assert!(spellings.may_go_on("568") && spellings.may_go_on("2") && !spellings.may_go_on("26656822"));
        assert!(!spellings.may_go_on("999"));
    }
}
