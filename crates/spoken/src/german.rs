//! German: ones before tens (`einund zwanzig`), and a one that is `eins`, `ein` or `eine`.

use crate::grammar::Gender::{Alone, Feminine, Masculine};
use crate::grammar::{Date, Gender, Grammar, Noun, Unit, Word};

pub(crate) struct German;

const ONES: [Word; 20] = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const ONES_AND: [Word; 10] =
    ["", "einund", "zweiund", "dreiund", "vierund", "fünfund", "sechsund", "siebenund", "achtund", "neunund"];
const TENS: [Word; 10] =
    ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];
const DAYS: [Word; 20] = [
    "",
    "erste",
    "zweite",
    "dritte",
    "vierte",
    "fünfte",
    "sechste",
    "siebte",
    "achte",
    "neunte",
    "zehnte",
    "elfte",
    "zwölfte",
    "dreizehnte",
    "vierzehnte",
    "fünfzehnte",
    "sechzehnte",
    "siebzehnte",
    "achtzehnte",
    "neunzehnte",
];
const MONTHS: [Word; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

impl Grammar for German {
    fn number(&self, number: u64, gender: Gender, out: &mut Vec<Word>) {
        if number == 0 {
            return out.push(ONES[0]);
        }
        for (size, one, many) in [(1_000_000_000, "Milliarde", "Milliarden"), (1_000_000, "Million", "Millionen")] {
            let count = number / size % 1000;
            if count > 0 {
                below_thousand(count, Feminine, out);
                out.push(if count == 1 { one } else { many });
            }
        }
        let thousands = number / 1000 % 1000;
        if thousands > 0 {
            below_thousand(thousands, Masculine, out);
            out.push("tausend");
        }
        below_thousand(number % 1000, gender, out);
    }

    fn noun(&self, unit: Unit) -> Noun {
        let (gender, one, many) = match unit {
            Unit::Second => (Feminine, "Sekunde", "Sekunden"),
            Unit::Minute => (Feminine, "Minute", "Minuten"),
            Unit::Hour => (Feminine, "Stunde", "Stunden"),
            Unit::Day => (Masculine, "Tag", "Tage"),
            Unit::Euro => (Masculine, "Euro", "Euro"),
            Unit::Dollar => (Masculine, "Dollar", "Dollar"),
            Unit::Pound => (Masculine, "Pfund", "Pfund"),
            Unit::EuroCent | Unit::Cent => (Masculine, "Cent", "Cent"),
            Unit::Penny => (Masculine, "Penny", "Pence"),
        };
        Noun::new(gender, one, many)
    }

    fn date(&self, date: Date, out: &mut Vec<Word>) {
        out.push("der");
        match usize::from(date.day) {
            day @ ..20 => out.push(DAYS[day]),
            20 => out.push("zwanzigste"),
            30 => out.push("dreißigste"),
            day => out.extend([ONES_AND[day % 10], if day < 30 { "zwanzigste" } else { "dreißigste" }]),
        }
        out.push(MONTHS[usize::from(date.month) - 1]);
        match (u64::from(date.year) / 100, u64::from(date.year) % 100) {
            // neunzehnhundert neunundneunzig, but zweitausend sechsundzwanzig
            (century @ 11..20, below) => {
                below_thousand(century, Alone, out);
                out.push("hundert");
                below_thousand(below, Alone, out);
            }
            _ => self.number(date.year.into(), Alone, out),
        }
    }

    fn time(&self, hour: u8, minute: u8, out: &mut Vec<Word>) {
        self.number(hour.into(), Masculine, out);
        out.push("Uhr");
        if minute > 0 {
            self.number(minute.into(), Alone, out);
        }
    }

    fn minus(&self) -> Word {
        "minus"
    }

    fn point(&self) -> Word {
        "Komma"
    }

    fn and(&self) -> Word {
        "und"
    }
}

fn below_thousand(number: u64, gender: Gender, out: &mut Vec<Word>) {
    let (hundreds, below) = ((number / 100) as usize, (number % 100) as usize);
    if hundreds > 0 {
        out.extend([if hundreds == 1 { "ein" } else { ONES[hundreds] }, "hundert"]);
    }
    match (below / 10, below % 10, gender) {
        (0, 0, _) => {}
        (0, 1, Masculine) => out.push("ein"),
        (0, 1, Feminine) => out.push("eine"),
        (0 | 1, ..) => out.push(ONES[below]),
        (tens, 0, _) => out.push(TENS[tens]),
        (tens, ones, _) => out.extend([ONES_AND[ones], TENS[tens]]),
    }
}
