//! A small log for the tests of this folder.

use crate::input::Inputs;
use crate::plan::Plan;

/// Two messages on two servers; the first has two rows.
pub const LOG: &str = "#Fields: date-time,event-id,message-id,server-hostname,source\r\n\
                       2026-03-02T09:00:00.000Z,RECEIVE,<a@b>,EX01,SMTP\r\n\
                       2026-03-02T09:00:01.000Z,SEND,<a@b>,EX01,SMTP\r\n\
                       2026-03-02T09:00:02.000Z,RECEIVE,<c@d>,EX02,SMTP\r\n";

/// The log as the only input.
pub fn inputs() -> Inputs {
    Inputs::from_memory(vec![("ex/a.log".into(), LOG.as_bytes().to_vec())])
}

/// The log with its plan: one chunk.
pub fn planned() -> (Inputs, Plan) {
    let mut inputs = inputs();
    let plan = Plan::new(&mut inputs, 1 << 20);
    (inputs, plan)
}
