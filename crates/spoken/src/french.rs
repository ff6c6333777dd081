//! French: seventy and ninety count on from sixty and eighty; `et` before one and eleven, but not after eighty;
//! `quatre-vingts` and `cents` lose their s before another number.

use crate::grammar::Gender::{Alone, Feminine, Masculine};
use crate::grammar::{Date, Gender, Grammar, Noun, Unit, Word};

pub(crate) struct French;

const ONES: [Word; 20] = [
    "zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", "treize",
    "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf",
];
const TENS: [Word; 10] =
    ["", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"];
const MONTHS: [Word; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

impl Grammar for French {
    fn number(&self, number: u64, gender: Gender, out: &mut Vec<Word>) {
        if number == 0 {
            return out.push(ONES[0]);
        }
        for (size, one, many) in [(1_000_000_000, "milliard", "milliards"), (1_000_000, "million", "millions")] {
            let count = number / size % 1000;
            if count > 0 {
                below_thousand(count, Masculine, true, out);
                out.push(if count == 1 { one } else { many });
            }
        }
        let thousands = number / 1000 % 1000;
        if thousands > 0 {
            if thousands > 1 {
                below_thousand(thousands, Masculine, false, out);
            }
            out.push("mille");
        }
        below_thousand(number % 1000, gender, true, out);
    }

    fn noun(&self, unit: Unit) -> Noun {
        let (gender, one, many) = match unit {
            Unit::Second => (Feminine, "seconde", "secondes"),
            Unit::Minute => (Feminine, "minute", "minutes"),
            Unit::Hour => (Feminine, "heure", "heures"),
            Unit::Day => (Masculine, "jour", "jours"),
            Unit::Euro => (Masculine, "euro", "euros"),
            Unit::Dollar => (Masculine, "dollar", "dollars"),
            Unit::Pound => (Feminine, "livre", "livres"),
            Unit::EuroCent => (Masculine, "centime", "centimes"),
            Unit::Cent => (Masculine, "cent américain", "cents américains"),
            Unit::Penny => (Masculine, "penny", "pence"),
        };
        Noun::new(gender, one, many)
    }

    fn form(&self, noun: &Noun, number: u64) -> Word {
        if number < 2 { noun.one } else { noun.many }
    }

    fn counted(&self, number: u64, unit: Unit, out: &mut Vec<Word>) {
        let noun = self.noun(unit);
        self.number(number, noun.gender, out);
        if number > 0 && number.is_multiple_of(1_000_000) {
            // un million d'euros
            out.push(if unit == Unit::Euro || unit == Unit::Hour { "d'" } else { "de" });
        }
        out.push(self.form(&noun, number));
    }

    fn date(&self, date: Date, out: &mut Vec<Word>) {
        match date.day {
            1 => out.push("premier"),
            day => self.number(day.into(), Alone, out),
        }
        out.push(MONTHS[usize::from(date.month) - 1]);
        self.number(date.year.into(), Alone, out);
    }

    fn time(&self, hour: u8, minute: u8, out: &mut Vec<Word>) {
        self.counted(hour.into(), Unit::Hour, out);
        if minute > 0 {
            self.number(minute.into(), Feminine, out);
        }
    }

    fn minus(&self) -> Word {
        "moins"
    }

    fn point(&self) -> Word {
        "virgule"
    }

    fn and(&self) -> Word {
        "et"
    }
}

/// `last`: no number follows, so that hundreds and eighty keep their s.
fn below_thousand(number: u64, gender: Gender, last: bool, out: &mut Vec<Word>) {
    let (hundreds, below) = ((number / 100) as usize, (number % 100) as usize);
    if hundreds > 1 {
        out.push(ONES[hundreds]);
    }
    if hundreds > 0 {
        out.push(if hundreds > 1 && below == 0 && last { "cents" } else { "cent" });
    }
    let (tens, ones) = match (below / 10, below % 10) {
        (0 | 1, _) => (0, below),
        (tens @ (7 | 9), ones) => (tens, ones + 10),
        rest => rest,
    };
    match (tens, ones) {
        (0, _) => {}
        (8, 0) => out.push(if last { "quatre-vingts" } else { "quatre-vingt" }),
        (tens, _) => out.push(TENS[tens]),
    }
    if matches!((tens, ones), (2..=6, 1) | (7, 11)) {
        out.push("et");
    }
    out.extend(match (ones, gender) {
        (0, _) => None,
        (1, Feminine) => Some("une"),
        _ => Some(ONES[ones]),
    });
}
