//! Spanish: one has a gender and is cut short before a masculine noun (`un euro`, `veintiún`), the hundreds have one, too.

use crate::grammar::Gender::{Alone, Feminine, Masculine};
use crate::grammar::{Date, Gender, Grammar, Noun, Unit, Word};

pub(crate) struct Spanish;

const ONES: [Word; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const TENS: [Word; 10] = ["", "", "", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const HUNDREDS: [Word; 10] = [
    "",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];
const HUNDREDS_FEMININE: [Word; 10] = [
    "",
    "ciento",
    "doscientas",
    "trescientas",
    "cuatrocientas",
    "quinientas",
    "seiscientas",
    "setecientas",
    "ochocientas",
    "novecientas",
];
const MONTHS: [Word; 12] = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

impl Grammar for Spanish {
    fn number(&self, number: u64, gender: Gender, out: &mut Vec<Word>) {
        if number == 0 {
            return out.push(ONES[0]);
        }
        // There is no word for 10⁹: it is mil millones.
        let (millions, rest) = (number / 1_000_000, number % 1_000_000);
        if millions > 0 {
            below_million(millions, Masculine, out);
            out.push(if millions == 1 { "millón" } else { "millones" });
        }
        below_million(rest, gender, out);
    }

    fn noun(&self, unit: Unit) -> Noun {
        let (gender, one, many) = match unit {
            Unit::Second => (Masculine, "segundo", "segundos"),
            Unit::Minute => (Masculine, "minuto", "minutos"),
            Unit::Hour => (Feminine, "hora", "horas"),
            Unit::Day => (Masculine, "día", "días"),
            Unit::Euro => (Masculine, "euro", "euros"),
            Unit::Dollar => (Masculine, "dólar", "dólares"),
            Unit::Pound => (Feminine, "libra", "libras"),
            Unit::EuroCent => (Masculine, "céntimo", "céntimos"),
            Unit::Cent => (Masculine, "centavo", "centavos"),
            Unit::Penny => (Masculine, "penique", "peniques"),
        };
        Noun::new(gender, one, many)
    }

    fn counted(&self, number: u64, unit: Unit, out: &mut Vec<Word>) {
        let noun = self.noun(unit);
        self.number(number, noun.gender, out);
        if number > 0 && number.is_multiple_of(1_000_000) {
            out.push("de"); // un millón de euros
        }
        out.push(self.form(&noun, number));
    }

    fn date(&self, date: Date, out: &mut Vec<Word>) {
        match date.day {
            1 => out.push("primero"),
            day => self.number(day.into(), Alone, out),
        }
        out.extend(["de", MONTHS[usize::from(date.month) - 1], "de"]);
        self.number(date.year.into(), Alone, out);
    }

    fn time(&self, hour: u8, minute: u8, out: &mut Vec<Word>) {
        self.counted(hour.into(), Unit::Hour, out);
        if minute > 0 {
            out.push("y");
            self.counted(minute.into(), Unit::Minute, out);
        }
    }

    fn minus(&self) -> Word {
        "menos"
    }

    fn point(&self) -> Word {
        "coma"
    }

    fn and(&self) -> Word {
        "con"
    }
}

fn below_million(number: u64, gender: Gender, out: &mut Vec<Word>) {
    let thousands = number / 1000;
    if thousands > 0 {
        if thousands > 1 {
            // veintiún mil, whatever is counted; but doscientas mil libras
            below_thousand(thousands, if gender == Feminine { Feminine } else { Masculine }, out);
        }
        out.push("mil");
    }
    below_thousand(number % 1000, gender, out);
}

fn below_thousand(number: u64, gender: Gender, out: &mut Vec<Word>) {
    let (hundreds, below) = ((number / 100) as usize, (number % 100) as usize);
    match (hundreds, below, gender) {
        (0, ..) => {}
        (1, 0, _) => out.push("cien"),
        (_, _, Feminine) => out.push(HUNDREDS_FEMININE[hundreds]),
        _ => out.push(HUNDREDS[hundreds]),
    }
    let ones = if below < 30 { below } else { below % 10 };
    if below >= 30 {
        out.push(TENS[below / 10]);
        if ones > 0 {
            out.push("y");
        }
    }
    out.extend(match (ones, gender) {
        (0, _) => None,
        (1, Masculine) => Some("un"),
        (1, Feminine) => Some("una"),
        (21, Masculine) => Some("veintiún"),
        (21, Feminine) => Some("veintiuna"),
        _ => Some(ONES[ones]),
    });
}
