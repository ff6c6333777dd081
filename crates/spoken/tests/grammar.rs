//! What is said, language by language, and that nothing is ever said that has no piece.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use proptest::prelude::*;
use spoken::{Kind, Language, slug};

fn said(kind: &str, value: &str, language: &str) -> String {
    let language = Language::of(language).expect("a language");
    kind.parse::<Kind>().expect("a kind").say(value, language).join(" ")
}

#[track_caller]
fn check(language: &str, rows: &[(&str, &str, &str)]) {
    for (kind, value, words) in rows {
        assert_eq!(said(kind, value, language), *words, "{kind} {value} in {language}");
    }
}

#[test]
fn croatian_counts_by_gender_and_three_plurals() {
    check(
        "hr",
        &[
            ("number", "0", "nula"),
            ("number", "1", "jedan"),
            ("number", "21", "dvadeset jedan"),
            ("number", "112", "sto dvanaest"),
            ("number", "1000", "tisuću"),
            ("number", "2222", "dvije tisuće dvjesto dvadeset dva"),
            ("number", "21000", "dvadeset jedna tisuća"),
            ("number", "5000000", "pet milijuna"),
            ("number", "1000000", "milijun"),
            ("number", "2000000000", "dvije milijarde"),
            ("number", "-3.14", "minus tri zarez jedan četiri"),
            ("minutes", "0", "nula minuta"),
            ("minutes", "1", "jedna minuta"),
            ("minutes", "2", "dvije minute"),
            ("minutes", "5", "pet minuta"),
            ("minutes", "11", "jedanaest minuta"),
            ("minutes", "12", "dvanaest minuta"),
            ("minutes", "21", "dvadeset jedna minuta"),
            ("minutes", "22", "dvadeset dvije minute"),
            ("minutes", "112", "sto dvanaest minuta"),
            ("seconds", "31", "trideset jedna sekunda"),
            ("seconds", "45", "četrdeset pet sekundi"),
            ("hours", "1", "jedan sat"),
            ("hours", "3", "tri sata"),
            ("hours", "14", "četrnaest sati"),
            ("days", "2", "dva dana"),
            ("euros", "1", "jedan euro"),
            ("euros", "22.02", "dvadeset dva eura i dva centa"),
            ("euros", "12,50", "dvanaest eura i pedeset centi"),
            ("euros", "0.01", "jedan cent"),
            ("pounds", "2", "dvije funte"),
            ("date", "2026-12-24", "dvadeset četvrti prosinca dvije tisuće dvadeset šeste"),
            ("date", "2000-01-01", "prvi siječnja dvijetisućite"),
            ("date", "2020-05-30", "trideseti svibnja dvije tisuće dvadesete"),
            ("date", "1999-11-03", "treći studenoga tisuću devetsto devedeset devete"),
            ("time", "14:30", "četrnaest sati i trideset minuta"),
            ("time", "21:02", "dvadeset jedan sat i dvije minute"),
            ("time", "02:00", "dva sata"),
            ("digits", "0a12", "nula jedan dva"),
        ],
    );
}

#[test]
fn english() {
    check(
        "en-GB",
        &[
            ("number", "101", "one hundred and one"),
            ("number", "1001", "one thousand and one"),
            ("number", "1234567", "one million two hundred and thirty four thousand five hundred and sixty seven"),
            ("number", "0.5", "zero point five"),
            ("minutes", "1", "one minute"),
            ("minutes", "21", "twenty one minutes"),
            ("euros", "1.01", "one euro and one cent"),
            ("pounds", "3.50", "three pounds and fifty pence"),
            ("date", "2026-12-24", "the twenty fourth of December twenty twenty six"),
            ("date", "2005-03-20", "the twentieth of March two thousand and five"),
            ("date", "1905-06-01", "the first of June nineteen oh five"),
            ("date", "1900-06-11", "the eleventh of June nineteen hundred"),
            ("time", "14:05", "two oh five p m"),
            ("time", "00:30", "twelve thirty a m"),
            ("time", "12:00", "noon"),
            ("time", "2026-12-24T09:15:00", "nine fifteen a m"),
        ],
    );
}

#[test]
fn german() {
    check(
        "de-AT",
        &[
            ("number", "1", "eins"),
            ("number", "21", "einund zwanzig"),
            ("number", "101", "ein hundert eins"),
            ("number", "1001", "ein tausend eins"),
            ("number", "21000", "einund zwanzig tausend"),
            ("number", "1000000", "eine Million"),
            ("number", "2500000", "zwei Millionen fünf hundert tausend"),
            ("minutes", "1", "eine Minute"),
            ("minutes", "101", "ein hundert eine Minuten"),
            ("days", "1", "ein Tag"),
            ("euros", "1.50", "ein Euro und fünfzig Cent"),
            ("date", "2026-12-24", "der vierund zwanzigste Dezember zwei tausend sechsund zwanzig"),
            ("date", "1999-03-01", "der erste März neunzehn hundert neunund neunzig"),
            ("date", "2001-01-31", "der einund dreißigste Januar zwei tausend eins"),
            ("time", "01:00", "ein Uhr"),
            ("time", "14:01", "vierzehn Uhr eins"),
            ("number", "3,7", "drei Komma sieben"),
        ],
    );
}

#[test]
fn spanish() {
    check(
        "es",
        &[
            ("number", "1", "uno"),
            ("number", "21", "veintiuno"),
            ("number", "31", "treinta y uno"),
            ("number", "100", "cien"),
            ("number", "101", "ciento uno"),
            ("number", "1000", "mil"),
            ("number", "100000", "cien mil"),
            ("number", "1000000", "un millón"),
            ("number", "1000000000", "mil millones"),
            ("euros", "1", "un euro"),
            ("euros", "21", "veintiún euros"),
            ("euros", "200.21", "doscientos euros con veintiún céntimos"),
            ("euros", "1000000", "un millón de euros"),
            ("pounds", "521", "quinientas veintiuna libras"),
            ("hours", "31", "treinta y una horas"),
            ("date", "2026-12-24", "veinticuatro de diciembre de dos mil veintiséis"),
            ("date", "1999-01-01", "primero de enero de mil novecientos noventa y nueve"),
            ("time", "21:01", "veintiuna horas y un minuto"),
            ("time", "01:00", "una hora"),
        ],
    );
}

#[test]
fn french() {
    check(
        "fr-FR",
        &[
            ("number", "21", "vingt et un"),
            ("number", "71", "soixante et onze"),
            ("number", "77", "soixante dix-sept"),
            ("number", "80", "quatre-vingts"),
            ("number", "81", "quatre-vingt un"),
            ("number", "91", "quatre-vingt onze"),
            ("number", "200", "deux cents"),
            ("number", "201", "deux cent un"),
            ("number", "1000", "mille"),
            ("number", "80000", "quatre-vingt mille"),
            ("number", "200000000", "deux cents millions"),
            ("minutes", "1", "une minute"),
            ("minutes", "21", "vingt et une minutes"),
            ("minutes", "0", "zéro minute"),
            ("euros", "1.50", "un euro et cinquante centimes"),
            ("euros", "1000000", "un million d' euros"),
            ("date", "2026-12-24", "vingt quatre décembre deux mille vingt six"),
            ("date", "1999-01-01", "premier janvier mille neuf cent quatre-vingt dix-neuf"),
            ("time", "14:30", "quatorze heures trente"),
            ("time", "01:21", "une heure vingt et une"),
        ],
    );
}

#[test]
fn what_is_no_such_value_is_said_by_its_digits() {
    for (kind, value) in [("date", "2026-02-30"), ("date", "2025-02-29"), ("time", "24:00"), ("minutes", "-1")] {
        let digits: String = value.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(said(kind, value, "en"), said("digits", &digits, "en"), "{kind} {value}");
    }
    assert_eq!(said("number", "", "en"), "");
    assert_eq!(said("number", "nobody", "en"), "");
    assert_eq!(said("number", "1000000000000", "en").split(' ').count(), 13);
    assert!("names".parse::<Kind>().is_err());
    assert_eq!(Language::of("pt"), None);
}

const KINDS: [Kind; 11] = [
    Kind::Digits,
    Kind::Number,
    Kind::Seconds,
    Kind::Minutes,
    Kind::Hours,
    Kind::Days,
    Kind::Date,
    Kind::Time,
    Kind::Euros,
    Kind::Dollars,
    Kind::Pounds,
];

#[test]
fn no_two_words_of_a_language_share_a_file() {
    for language in Language::ALL {
        let words: BTreeSet<_> = KINDS.iter().flat_map(|kind| kind.pieces(language)).collect();
        let files: BTreeSet<_> = words.iter().map(|word| slug(word)).collect();
        assert_eq!(files.len(), words.len(), "{language:?}: {words:?}");
        assert!(files.iter().all(|file| !file.is_empty() && file.is_ascii()), "{files:?}");
        assert!(words.len() < 250, "{language:?} takes {} recordings", words.len());
    }
}

/// Of all kinds and languages: it takes a while to ask.
static PIECES: LazyLock<HashMap<(Kind, Language), BTreeSet<&str>>> = LazyLock::new(|| {
    let of = |kind: Kind| Language::ALL.map(|language| ((kind, language), kind.pieces(language)));
    KINDS.into_iter().flat_map(of).collect()
});

proptest! {
    #[test]
    fn every_word_has_its_piece(text in "[-]?[0-9]{1,13}([.,][0-9]{1,3})?", language in 0usize..5, kind in 0usize..11) {
        let (kind, language) = (KINDS[kind], Language::ALL[language]);
        let pieces = &PIECES[&(kind, language)];
        for word in kind.say(&text, language) {
            prop_assert!(pieces.contains(word), "{kind} {text} in {language:?}: {word}");
        }
    }

    #[test]
    fn every_day_and_minute_has_its_pieces(year in 1000u32..3000, month in 1u8..=12, day in 1u8..=31, hour in 0u8..24, minute in 0u8..60) {
        for language in Language::ALL {
            let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}");
            for kind in [Kind::Date, Kind::Time] {
                let words = kind.say(&text, language);
                prop_assert!(!words.is_empty() && words.iter().all(|word| PIECES[&(kind, language)].contains(word)), "{words:?}");
            }
        }
    }
}
