//! Mail that waits for a moderator or lies in quarantine, and recipient lists with a `;` too many: who is a recipient, and
//! who is not.

use waybill::path::Fate;

use crate::counting::{CAME, Counts, DELIVER, HEAD, RECEIVE, Row, holds, row, tally};
use crate::simulated::program;

const KEEPER: &str = "SystemMailbox{1f05a927-3be2-4fb9-aa03-b59fe3b56f4c}@own.test";
const BOB: &str = "bob@own.test";
const EX01: (&str, &str) = ("", "ex01");

const fn approval(at: &'static str, event: &'static str) -> Row {
    row(at, EX01, ("APPROVAL", event), "7", KEEPER)
}

const ASKED: Row = approval("09:00:00.100", "INITMESSAGECREATED");
const FILTERED: Row = row(
    "09:00:00.100",
    EX01,
    ("AGENT", "REDIRECT"),
    "7",
    "q@own.test",
)
.of(BOB)
.says("Content Filter Agent");
const HELD: Row = row("09:00:01.000", ("ex01", "ex02"), DELIVER, "7", "q@own.test");

/// Of messages, recipients entered, delivered, transferred, failed, pending, lists expanded.
const CASES: [(&str, &[Row], Counts); 7] = [
    (
        "the mailbox that keeps the original is no recipient of what was approved",
        &[
            CAME,
            ASKED,
            approval("09:10:00.000", "MODERATORAPPROVE"),
            row("09:10:00.100", EX01, ("APPROVAL", "RECEIVE"), "8", BOB),
            row("09:10:00.200", ("ex01", "ex02"), DELIVER, "8", BOB),
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "what a moderator refused failed for whom it was for",
        &[CAME, ASKED, approval("09:10:00.000", "MODERATORREJECT")],
        [1, 1, 0, 0, 1, 0, 0],
    ),
    (
        "what a moderator refused goes on to those who need none",
        &[
            row(
                "09:00:00.000",
                ("mx", "ex01"),
                RECEIVE,
                "7",
                "board@own.test;bob@own.test",
            ),
            ASKED,
            approval("09:10:00.000", "MODERATORREJECT"),
            row("09:30:00.000", EX01, ("QUEUE", "DEFER"), "7", BOB),
            row(
                "09:40:00.000",
                EX01,
                ("AGENT", "AGENTINFO"),
                "9",
                "x@own.test",
            ),
        ],
        [1, 2, 0, 0, 0, 2, 0],
    ),
    (
        "what an agent redirected to the quarantine mailbox is held there",
        &[CAME, FILTERED, HELD],
        [1, 1, 0, 0, 0, 0, 0],
    ),
    (
        "a quarantine mailbox that was written to has what was written to it",
        &[
            row(
                "09:00:00.000",
                ("mx", "ex01"),
                RECEIVE,
                "7",
                "bob@own.test;q@own.test",
            ),
            FILTERED,
            HELD,
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "a redirect by a rule is none into quarantine",
        &[CAME, FILTERED.says("Transport Rule Agent"), HELD],
        [1, 1, 1, 0, 0, 0, 0],
    ),
    (
        "a semicolon behind the last address names nobody",
        &[
            row(
                "09:00:00.000",
                ("mx", "ex01"),
                RECEIVE,
                "7",
                "bob@own.test;",
            ),
            row(
                "09:00:01.100",
                ("ex01", "ex02"),
                DELIVER,
                "7",
                "bob@own.test;",
            ),
        ],
        [1, 1, 1, 0, 0, 0, 0],
    ),
];

#[test]
fn each_case_by_itself() {
    CASES.iter().for_each(holds);
    let held = tally(CASES[3].1).totals;
    assert_eq!(held.recipients(Fate::Quarantined), 1);
    assert_eq!(held.recipients(Fate::Redirected), 1);
}

#[test]
fn what_the_content_filter_quarantined_did_not_fail() {
    let fates = |agent: &'static str, status: &str| {
        let failed = row("09:00:00.100", EX01, ("AGENT", "FAIL"), "7", BOB).says(agent);
        let line = failed
            .line()
            .replace(",,1000,", &format!(",{status},1000,"));
        let log = format!("{HEAD}{}{line}", CAME.line());
        let totals = program(vec![("ex01.LOG".into(), log.into_bytes())])
            .tally
            .totals;
        assert_eq!(totals.residual_recipients(), 0);
        [Fate::Quarantined, Fate::Failed].map(|fate| totals.recipients(fate))
    };
    let held = "550 5.2.1 Content Filter agent quarantined this message";
    assert_eq!(fates("Content Filter Agent", held), [1, 0]);
    assert_eq!(fates("Transport Rule Agent", held), [0, 1]);
    let refused = "550 5.7.1 Message rejected as spam by Content Filtering.";
    assert_eq!(fates("Content Filter Agent", refused), [0, 1]);
}
