//! English, with the `and` of the British before what is below a hundred.

use crate::grammar::Gender::{Alone, Masculine};
use crate::grammar::{Date, Gender, Grammar, Noun, Unit, Word};

pub(crate) struct English;

const ONES: [Word; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [Word; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const DAYS: [Word; 20] = [
    "",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];
const MONTHS: [Word; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Grammar for English {
    fn number(&self, number: u64, _: Gender, out: &mut Vec<Word>) {
        if number == 0 {
            return out.push(ONES[0]);
        }
        for (size, word) in [(1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand")] {
            let count = number / size % 1000;
            if count > 0 {
                below_thousand(count, out);
                out.push(word);
            }
        }
        let rest = number % 1000;
        if number > rest && (1..100).contains(&rest) {
            out.push("and");
        }
        below_thousand(rest, out);
    }

    fn noun(&self, unit: Unit) -> Noun {
        let (one, many) = match unit {
            Unit::Second => ("second", "seconds"),
            Unit::Minute => ("minute", "minutes"),
            Unit::Hour => ("hour", "hours"),
            Unit::Day => ("day", "days"),
            Unit::Euro => ("euro", "euros"),
            Unit::Dollar => ("dollar", "dollars"),
            Unit::Pound => ("pound", "pounds"),
            Unit::EuroCent | Unit::Cent => ("cent", "cents"),
            Unit::Penny => ("penny", "pence"),
        };
        Noun::new(Masculine, one, many)
    }

    fn date(&self, date: Date, out: &mut Vec<Word>) {
        out.push("the");
        match usize::from(date.day) {
            day @ ..20 => out.push(DAYS[day]),
            20 => out.push("twentieth"),
            30 => out.push("thirtieth"),
            day => out.extend([TENS[day / 10], DAYS[day % 10]]),
        }
        out.extend(["of", MONTHS[usize::from(date.month) - 1]]);
        match (u64::from(date.year) / 100, u64::from(date.year) % 100) {
            // two thousand and nine, but twenty ten
            (century, below) if century % 10 == 0 && below < 10 => self.number(date.year.into(), Alone, out),
            (century, below) => {
                below_thousand(century, out);
                match below {
                    0 => out.push("hundred"),
                    1..10 => out.extend(["oh", ONES[below as usize]]),
                    _ => below_thousand(below, out),
                }
            }
        }
    }

    fn time(&self, hour: u8, minute: u8, out: &mut Vec<Word>) {
        match (hour, minute) {
            (0, 0) => return out.push("midnight"),
            (12, 0) => return out.push("noon"),
            _ => {}
        }
        out.push(ONES[usize::from(if hour.is_multiple_of(12) { 12 } else { hour % 12 })]);
        match minute {
            0 => {}
            1..10 => out.extend(["oh", ONES[usize::from(minute)]]),
            _ => below_thousand(minute.into(), out),
        }
        out.push(if hour < 12 { "a m" } else { "p m" });
    }

    fn minus(&self) -> Word {
        "minus"
    }

    fn point(&self) -> Word {
        "point"
    }

    fn and(&self) -> Word {
        "and"
    }
}

fn below_thousand(number: u64, out: &mut Vec<Word>) {
    let (hundreds, below) = ((number / 100) as usize, (number % 100) as usize);
    if hundreds > 0 {
        out.extend([ONES[hundreds], "hundred"]);
        if below > 0 {
            out.push("and");
        }
    }
    match (below / 10, below % 10) {
        (0, 0) => {}
        (0 | 1, _) => out.push(ONES[below]),
        (tens, 0) => out.push(TENS[tens]),
        (tens, ones) => out.extend([TENS[tens], ONES[ones]]),
    }
}
