//! Words of the made-up organisation: names, subjects, latency trees, rule texts.
//!
//! In: nothing. Out: text to choose from. `#` in a template is a latency (see `text::push_latencies`).

use super::rng::Rng;
use super::text::push_guid;

pub const SITES: [&str; 6] = ["Berlin", "Oslo", "Bergen", "Lisbon", "Turin", "Ghent"];

pub const GIVEN_NAMES: [&str; 32] = [
    "ada", "bruno", "clara", "david", "edith", "felix", "greta", "henrik", "ines", "jonas",
    "karin", "lukas", "mara", "nils", "olga", "pavel", "quirin", "rosa", "stefan", "tilda",
    "ulrich", "vera", "wanda", "xenia", "yusuf", "zora", "anton", "berit", "carlo", "dora", "emil",
    "frida",
];

pub const FAMILY_NAMES: [&str; 29] = [
    "acker",
    "brandt",
    "castell",
    "dahl",
    "eriksen",
    "fuchs",
    "gruber",
    "hansen",
    "ivanova",
    "jansen",
    "keller",
    "lorenz",
    "moreau",
    "novak",
    "olsen",
    "petersen",
    "quast",
    "richter",
    "sander",
    "thoma",
    "urban",
    "vogel",
    "weiss",
    "ximenez",
    "young",
    "zeman",
    "lindqvist",
    "bauer",
    "sommer",
];

pub const LIST_NAMES: [&str; 18] = [
    "all-staff",
    "sales",
    "accounting",
    "it-support",
    "board",
    "works-council",
    "press",
    "project-heron",
    "project-otter",
    "facilities",
    "legal",
    "research",
    "logistics",
    "training",
    "reception",
    "warehouse",
    "quality",
    "canteen",
];

pub const OUTSIDE: [&str; 24] = [
    "example.net",
    "example.org",
    "harbour.example",
    "northmill.example",
    "lantern.example",
    "copperfield.example",
    "greenway.example",
    "riverbank.example",
    "stonebridge.example",
    "bluefinch.example",
    "oakhill.example",
    "papermoon.example",
    "saltmarsh.example",
    "quarry.example",
    "windrose.example",
    "fjordline.example",
    "tinker.example",
    "orchard.example",
    "beacon.example",
    "meridian.example",
    "kestrel.example",
    "foundry.example",
    "juniper.example",
    "brickworks.example",
];

pub const SUBJECTS: [&str; 30] = [
    "Minutes of the meeting",
    "Re: Minutes of the meeting",
    "Offer 2026-0417",
    "AW: Offer 2026-0417",
    "Invoice, second reminder",
    "Lunch?",
    "Timetable for the move, part two, final",
    "Please read: \"New rules for travel\"",
    "RE: \"quoted\", and with a comma",
    "Отчёт за март",
    "Re: Отчёт за март, версия 2",
    "Größenübersicht für Förderanträge",
    "会議の議事録",
    "Réunion de projet – ordre du jour",
    "=SUM(A1:A9)",
    "=cmd|' /C calc'!A0",
    "+49 30 5550100 called",
    "<script>alert(1)</script>",
    "\u{1b}[31mred alert\u{1b}[0m",
    "Tab\tin the subject",
    "bell\u{7}",
    "\u{202e}txt.exe",
    "Monthly figures",
    "Fwd: Monthly figures",
    "Delivery note 88123; see below",
    "Question about your order",
    "Holiday plan",
    "'single quoted; list-like'",
    "",
    "Newsletter March: ten things to know before the spring fair opens its gates in the old \
        harbour halls, with a map, opening times and all that is needed to find us",
];

pub const CLIENTS: [&str; 6] = ["OWA", "MOMT", "RPCHTTP", "EWS", "AirSync", "User"];

pub const LATENCY_SUBMIT: &str = "TOTAL-SUB=#|SA=#|MTSS=#(MTSSD=#(MTSSDA=0.002|MTSSDC=0.004|\
    SDSSO=#(SMSC=#(X-SMSDR=#)|SMS=#)|X-MTSSDPL=#|X-MTSSDSS=#))";
pub const LATENCY_SUBMIT_PENDING: &str = "TOTAL-SUB=#|SA=#|MTSS-PEN=#(MTSSD-PEN=#(MTSSDA=0.002|\
    MTSSDC=0.004|SDSSO-PEN=# (SMSC=#(X-SMSDR=#)|MTSSDM-PEN=#)))";
pub const LATENCY_HUB: &str = "TOTAL-HUB=#|SMR=#(SMRDI=#(SMRED=#(SMRED-Content Filter Agent=#))|\
    SMRC=#(SMRCL=#|X-SMRCR=#))|CAT=#(CATMS=0.001|CATOS=#(CATSM=#(CATSM-Malware Agent=#))|\
    CATRESL=0.001|CATORES=#(CATRS=#(CATRS-ABP Routing Agent=#|CATRS-Transport Rule \
    Agent=#(X-ETREX=#)|CATRS-Index Routing Agent=#))|CATORT=#(CATRT=#(CATRT-RMS Encryption \
    Agent=#))|CATBIF=#)|QDM=#|SMSC=#(X-SMSDR=#)|SMS=#(SMSMBXD=#)";
pub const LATENCY_HUB_FOLDED: &str = "TOTAL-HUB=#|SMR=#(SMRDI=#(SMRED=#)|SMRC=#(SMRCL=# |\
    X-SMRCR=#))|CAT=#(CATMS=0.001|CATOS=#(CATSM=#(CATSM-Malware Agent=# ))|CATRESL=0.001|\
    CATORES=# (CATRS=#(CATRS-Transport Rule Agent=#(X-ETREX=#)|CATRS-Index Routing Agent=# ))|\
    CATCC=#)";
pub const LATENCY_EDGE: &str = "TOTAL-EDGE=#|SMR=#(SMRDI=#(SMRED=#)|SMRC=#(SMRCL=#))|\
    CAT=#(CATOC=#(CATCM=#(CATCM-Exchange DkimSigner=#)))|QDE=#|SMSC=#(X-SMSDR=#)|SMS=#";
pub const LATENCY_DELIVERY: &str = "TOTAL-DEL=#|SMR=#(SMRDI=#)|SDD=#(SDDSPCR=#(SDDCC=#)|\
    SDDSPCS=#(SDDOS=#)|SDDPM=#(SDDPM-Conversations Processing Agent=#|SDDPM-Mailbox Rules \
    Agent=#)|SDDSCMG=#(SDDCMM=#)|SDDCM=#|SDDSDMG=#(SDDR=#)|X-SDDS=#)";

/// What the transport rule agent noted, for a dozen kinds of mail: fifteen rules of the house, most of
/// which look at each mail and find nothing. A rule with two conditions needs single quotes.
pub fn rule_texts(rng: &mut Rng) -> Vec<String> {
    let rules: Vec<String> = (0..15)
        .map(|i| {
            let mut text = "S:TRA=ETRP|ruleId=".to_string();
            push_guid(&mut text, rng);
            text.push_str(&format!(
                "|st=2025-{:02}-1{}T0{}:40:12.0000000Z",
                i % 9 + 1,
                i % 10,
                i % 8
            ));
            text
        })
        .collect();
    let conditions = [
        "ISUP,M.F,0",
        "IP,F,0",
        "IIP,F.E,0",
        "DIP,M.SD,0",
        "CP,M.S,0",
    ];
    (0..12)
        .map(|_| {
            let mut text = "S:AMA=SUM|v=0|action=|error=|atch=0;S:AMA=EV|engine=M|v=0|sig=1.431.\
                207.0|name=|file="
                .to_string();
            for rule in &rules {
                let spent = rng.below(5);
                let one = rng.pick(&conditions);
                let two = rng.pick(&conditions);
                let body = format!("{rule}|ExecW={spent}|ExecC=0");
                match rng.below(10) {
                    0..4 => text.push_str(&format!(";{body}")),
                    4..8 => text.push_str(&format!(";{body}|Conditions={one}")),
                    _ => text.push_str(&format!(";'{body}|Conditions={one};{two}'")),
                }
            }
            text.push_str(
                ";S:TRA=ETRI|MsgType=SummaryTnef|Ex=|IsKnown=|FipsStatus=NoFips|\
                AttchUns=|ceErr=|Synth=False-Na-",
            );
            text
        })
        .collect()
}
