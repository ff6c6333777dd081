//! What a value is: a number alone, so many minutes, a date, an amount.

use std::collections::BTreeSet;
use std::fmt;

use crate::Language;
use crate::grammar::{Gender, Grammar, Unit, Word};
use crate::value::{self, Decimal};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Its digits, one by one.
    Digits,
    /// A number: `21`, `-3.5`.
    Number,
    /// So many of them.
    Seconds,
    /// See there.
    Minutes,
    /// See there.
    Hours,
    /// See there.
    Days,
    /// `2026-12-24`.
    Date,
    /// `14:30`.
    Time,
    /// An amount with its cents: `12.50`.
    Euros,
    /// See there.
    Dollars,
    /// See there.
    Pounds,
}

const NAMES: [(Kind, &str); 11] = [
    (Kind::Digits, "digits"),
    (Kind::Number, "number"),
    (Kind::Seconds, "seconds"),
    (Kind::Minutes, "minutes"),
    (Kind::Hours, "hours"),
    (Kind::Days, "days"),
    (Kind::Date, "date"),
    (Kind::Time, "time"),
    (Kind::Euros, "euros"),
    (Kind::Dollars, "dollars"),
    (Kind::Pounds, "pounds"),
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let known = NAMES.iter().find(|(_, name)| *name == text);
        let names = || NAMES.map(|(_, name)| name).join(", ");
        known.map(|(kind, _)| *kind).ok_or_else(|| format!("{text:?} is nothing that can be said; write {}", names()))
    }
}

impl Kind {
    /// The value's words. One that is no such value is said by the digits it has.
    pub fn say(self, value: &str, language: Language) -> Vec<Word> {
        let grammar = language.grammar();
        let mut out = Vec::new();
        if self.said(value, grammar, &mut out).is_none() {
            out.clear();
            let digits = value.chars().take(DIGITS_MAX).filter_map(|letter| letter.to_digit(10));
            digits.for_each(|digit| grammar.number(digit.into(), Gender::Alone, &mut out));
        }
        out
    }

    /// All words that any value of this kind is made of.
    pub fn pieces(self, language: Language) -> BTreeSet<Word> {
        let numbers = || {
            let sizes = [1, 1_000, 1_000_000, 1_000_000_000];
            sizes.into_iter().flat_map(|size| (0..1000).map(move |count: u64| (count * size).to_string()))
        };
        let mut values: Vec<String> = (0..10).map(|digit: u8| format!("x{digit}")).collect();
        match self {
            Kind::Digits => {}
            Kind::Number => values.extend(numbers().chain(["-1.5".to_owned(), "1101".to_owned()])),
            Kind::Seconds | Kind::Minutes | Kind::Hours | Kind::Days => values.extend(numbers()),
            Kind::Euros | Kind::Dollars | Kind::Pounds => {
                let cents = (1..100).map(|cents| format!("3.{cents:02}"));
                values.extend(numbers().chain(cents).chain(["-1".to_owned()]));
            }
            Kind::Date => {
                values.extend((1..=31).map(|day| format!("2026-01-{day:02}")));
                values.extend((1..=12).map(|month| format!("2026-{month:02}-01")));
                values.extend((1000..3000).map(|year| format!("{year}-01-01")));
            }
            Kind::Time => {
                values.extend((0..24).map(|hour| format!("{hour:02}:00")));
                values.extend((0..60).flat_map(|minute| [format!("01:{minute:02}"), format!("13:{minute:02}")]));
            }
        }
        values.iter().flat_map(|value| self.say(value, language)).collect()
    }

    fn said(self, value: &str, grammar: &dyn Grammar, out: &mut Vec<Word>) -> Option<()> {
        match self {
            Kind::Digits => return None,
            Kind::Number => {
                let number = Decimal::read(value)?;
                out.extend(number.negative.then(|| grammar.minus()));
                grammar.number(number.whole, Gender::Alone, out);
                if !number.decimals.is_empty() {
                    out.push(grammar.point());
                    number.decimals.iter().for_each(|digit| grammar.number((*digit).into(), Gender::Alone, out));
                }
            }
            Kind::Seconds => counted(value, Unit::Second, grammar, out)?,
            Kind::Minutes => counted(value, Unit::Minute, grammar, out)?,
            Kind::Hours => counted(value, Unit::Hour, grammar, out)?,
            Kind::Days => counted(value, Unit::Day, grammar, out)?,
            Kind::Date => grammar.date(value::date(value)?, out),
            Kind::Time => {
                let (hour, minute) = value::time(value)?;
                grammar.time(hour, minute, out);
            }
            Kind::Euros => amount(value, Unit::Euro, Unit::EuroCent, grammar, out)?,
            Kind::Dollars => amount(value, Unit::Dollar, Unit::Cent, grammar, out)?,
            Kind::Pounds => amount(value, Unit::Pound, Unit::Penny, grammar, out)?,
        }
        Some(())
    }
}

fn counted(value: &str, unit: Unit, grammar: &dyn Grammar, out: &mut Vec<Word>) -> Option<()> {
    let number = Decimal::read(value).filter(|number| !number.negative && number.decimals.is_empty())?;
    grammar.counted(number.whole, unit, out);
    Some(())
}

fn amount(value: &str, unit: Unit, cent: Unit, grammar: &dyn Grammar, out: &mut Vec<Word>) -> Option<()> {
    let number = Decimal::read(value)?;
    let cents = number.cents();
    out.extend(number.negative.then(|| grammar.minus()));
    if number.whole > 0 || cents == 0 {
        grammar.counted(number.whole, unit, out);
        out.extend((cents > 0).then(|| grammar.and()));
    }
    if cents > 0 {
        grammar.counted(cents, cent, out);
    }
    Some(())
}

/// Longer numbers are not said to their end.
const DIGITS_MAX: usize = 40;
