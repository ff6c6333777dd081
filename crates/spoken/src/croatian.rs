//! Croatian: one and two have a gender, nouns a form for one, for two to four, and for more; eleven to fourteen are more.

use crate::grammar::Gender::{Feminine, Masculine};
use crate::grammar::{Date, Gender, Grammar, Noun, Unit, Word};

pub(crate) struct Croatian;

const ONES: [Word; 20] = [
    "nula",
    "jedan",
    "dva",
    "tri",
    "četiri",
    "pet",
    "šest",
    "sedam",
    "osam",
    "devet",
    "deset",
    "jedanaest",
    "dvanaest",
    "trinaest",
    "četrnaest",
    "petnaest",
    "šesnaest",
    "sedamnaest",
    "osamnaest",
    "devetnaest",
];
const TENS: [Word; 10] =
    ["", "", "dvadeset", "trideset", "četrdeset", "pedeset", "šezdeset", "sedamdeset", "osamdeset", "devedeset"];
const HUNDREDS: [Word; 10] =
    ["", "sto", "dvjesto", "tristo", "četiristo", "petsto", "šesto", "sedamsto", "osamsto", "devetsto"];
/// Of a day, in the nominative: `dvadeset četvrti prosinca`.
const DAYS: [Word; 20] = [
    "",
    "prvi",
    "drugi",
    "treći",
    "četvrti",
    "peti",
    "šesti",
    "sedmi",
    "osmi",
    "deveti",
    "deseti",
    "jedanaesti",
    "dvanaesti",
    "trinaesti",
    "četrnaesti",
    "petnaesti",
    "šesnaesti",
    "sedamnaesti",
    "osamnaesti",
    "devetnaesti",
];
/// Of a year, in the genitive: `dvije tisuće dvadeset šeste`.
const YEARS: [Word; 20] = [
    "",
    "prve",
    "druge",
    "treće",
    "četvrte",
    "pete",
    "šeste",
    "sedme",
    "osme",
    "devete",
    "desete",
    "jedanaeste",
    "dvanaeste",
    "trinaeste",
    "četrnaeste",
    "petnaeste",
    "šesnaeste",
    "sedamnaeste",
    "osamnaeste",
    "devetnaeste",
];
const YEAR_TENS: [Word; 10] = [
    "",
    "",
    "dvadesete",
    "tridesete",
    "četrdesete",
    "pedesete",
    "šezdesete",
    "sedamdesete",
    "osamdesete",
    "devedesete",
];
const YEAR_HUNDREDS: [Word; 10] = [
    "",
    "stote",
    "dvjestote",
    "tristote",
    "četiristote",
    "petstote",
    "šestote",
    "sedamstote",
    "osamstote",
    "devetstote",
];
const MONTHS: [Word; 12] = [
    "siječnja",
    "veljače",
    "ožujka",
    "travnja",
    "svibnja",
    "lipnja",
    "srpnja",
    "kolovoza",
    "rujna",
    "listopada",
    "studenoga",
    "prosinca",
];
const THOUSAND: Noun = Noun { gender: Feminine, one: "tisuća", few: "tisuće", many: "tisuća" };
const MILLION: Noun = Noun { gender: Masculine, one: "milijun", few: "milijuna", many: "milijuna" };
const MILLIARD: Noun = Noun { gender: Feminine, one: "milijarda", few: "milijarde", many: "milijardi" };

impl Grammar for Croatian {
    fn number(&self, number: u64, gender: Gender, out: &mut Vec<Word>) {
        if number == 0 {
            return out.push(ONES[0]);
        }
        for (size, noun) in [(1_000_000_000, MILLIARD), (1_000_000, MILLION)] {
            self.large(number / size % 1000, &noun, out);
        }
        match number / 1000 % 1000 {
            1 => out.push("tisuću"),
            thousands => self.large(thousands, &THOUSAND, out),
        }
        below_thousand(number % 1000, gender, out);
    }

    fn noun(&self, unit: Unit) -> Noun {
        let (gender, one, few, many) = match unit {
            Unit::Second => (Feminine, "sekunda", "sekunde", "sekundi"),
            Unit::Minute => (Feminine, "minuta", "minute", "minuta"),
            Unit::Hour => (Masculine, "sat", "sata", "sati"),
            Unit::Day => (Masculine, "dan", "dana", "dana"),
            Unit::Euro => (Masculine, "euro", "eura", "eura"),
            Unit::Dollar => (Masculine, "dolar", "dolara", "dolara"),
            Unit::Pound => (Feminine, "funta", "funte", "funti"),
            Unit::EuroCent | Unit::Cent => (Masculine, "cent", "centa", "centi"),
            Unit::Penny => (Masculine, "peni", "penija", "penija"),
        };
        Noun { gender, one, few, many }
    }

    fn form(&self, noun: &Noun, number: u64) -> Word {
        match (number % 100, number % 10) {
            (11..=14, _) => noun.many,
            (_, 1) => noun.one,
            (_, 2..=4) => noun.few,
            _ => noun.many,
        }
    }

    fn date(&self, date: Date, out: &mut Vec<Word>) {
        match usize::from(date.day) {
            day @ ..20 => out.push(DAYS[day]),
            20 => out.push("dvadeseti"),
            30 => out.push("trideseti"),
            day => out.extend([TENS[day / 10], DAYS[day % 10]]),
        }
        out.push(MONTHS[usize::from(date.month) - 1]);
        self.year(date.year.into(), out);
    }

    fn time(&self, hour: u8, minute: u8, out: &mut Vec<Word>) {
        self.counted(hour.into(), Unit::Hour, out);
        if minute > 0 {
            out.push("i");
            self.counted(minute.into(), Unit::Minute, out);
        }
    }

    fn minus(&self) -> Word {
        "minus"
    }

    fn point(&self) -> Word {
        "zarez"
    }

    fn and(&self) -> Word {
        "i"
    }
}

impl Croatian {
    fn large(&self, count: u64, noun: &Noun, out: &mut Vec<Word>) {
        match count {
            0 => return,
            1 => {} // milijun, not jedan milijun
            _ => below_thousand(count, noun.gender, out),
        }
        out.push(self.form(noun, count));
    }

    /// Its last word alone is an ordinal.
    fn year(&self, year: u64, out: &mut Vec<Word>) {
        let (hundreds, below) = (year / 100 % 10, (year % 100) as usize);
        match (year / 1000, year % 1000) {
            (1, 0) => return out.push("tisućite"),
            (2, 0) => return out.push("dvijetisućite"),
            (thousands, _) => self.number(thousands * 1000, Feminine, out),
        }
        match (hundreds, below) {
            (0, _) => {}
            (_, 0) => return out.push(YEAR_HUNDREDS[hundreds as usize]),
            _ => out.push(HUNDREDS[hundreds as usize]),
        }
        match (below / 10, below % 10) {
            (0 | 1, _) => out.push(YEARS[below]),
            (tens, 0) => out.push(YEAR_TENS[tens]),
            (tens, ones) => out.extend([TENS[tens], YEARS[ones]]),
        }
    }
}

fn below_thousand(number: u64, gender: Gender, out: &mut Vec<Word>) {
    let (hundreds, below) = ((number / 100) as usize, (number % 100) as usize);
    if hundreds > 0 {
        out.push(HUNDREDS[hundreds]);
    }
    let ones = if below < 20 { below } else { below % 10 };
    if below >= 20 {
        out.push(TENS[below / 10]);
    }
    out.extend(match (ones, gender) {
        (0, _) => None,
        (1, Feminine) => Some("jedna"),
        (2, Feminine) => Some("dvije"),
        _ => Some(ONES[ones]),
    });
}
