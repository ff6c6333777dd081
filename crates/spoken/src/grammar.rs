//! What a language must know to say a value.

/// A word, or a few that always go together.
pub(crate) type Word = &'static str;

/// Of what a number is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gender {
    /// Of nothing: the number alone.
    Alone,
    Masculine,
    Feminine,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Euro,
    Dollar,
    Pound,
    /// Of a euro.
    EuroCent,
    /// Of a dollar.
    Cent,
    Penny,
}

/// A noun as it is counted; the language knows which form goes with which number.
pub(crate) struct Noun {
    pub(crate) gender: Gender,
    pub(crate) one: Word,
    pub(crate) few: Word,
    pub(crate) many: Word,
}

impl Noun {
    /// Of two forms.
    pub(crate) const fn new(gender: Gender, one: Word, many: Word) -> Noun {
        Noun { gender, one, few: many, many }
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Date {
    pub(crate) year: u32,
    pub(crate) month: u8,
    pub(crate) day: u8,
}

pub(crate) trait Grammar: Sync {
    /// A number below [`LIMIT`], as it is said of something of that gender.
    fn number(&self, number: u64, gender: Gender, out: &mut Vec<Word>);

    /// The noun.
    fn noun(&self, unit: Unit) -> Noun;

    /// The noun's form that goes with the number.
    fn form(&self, noun: &Noun, number: u64) -> Word {
        if number == 1 { noun.one } else { noun.many }
    }

    /// So much of something.
    fn counted(&self, number: u64, unit: Unit, out: &mut Vec<Word>) {
        let noun = self.noun(unit);
        self.number(number, noun.gender, out);
        out.push(self.form(&noun, number));
    }

    fn date(&self, date: Date, out: &mut Vec<Word>);

    fn time(&self, hour: u8, minute: u8, out: &mut Vec<Word>);

    /// Before a number below nothing.
    fn minus(&self) -> Word;

    /// Between a number and its decimals.
    fn point(&self) -> Word;

    /// Between an amount and its cents.
    fn and(&self) -> Word;
}

/// Larger numbers are said digit by digit.
pub(crate) const LIMIT: u64 = 1_000_000_000_000;
