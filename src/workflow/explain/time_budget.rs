//! The time that a call may take, divided among its variants, and what was not done for want of it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Time of a whole call.
#[derive(Debug)]
pub(super) struct TimeBudget {
    end: Cell<Option<Instant>>,
    undone: RefCell<Vec<String>>,
}

impl TimeBudget {
    /// A budget that begins now.
    pub(super) fn from_now(time: Duration) -> Self {
        let end = Instant::now().checked_add(time);
        TimeBudget { end: Cell::new(end), undone: RefCell::default() }
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.end.get().map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// The part of it for the next of `count` variants.
    pub(super) fn share(&self, count: usize) -> Duration {
        self.left() / u32::try_from(count.max(1)).unwrap_or(u32::MAX)
    }

    /// True if so much more time is there; if not, `what` is left out and named.
    pub(super) fn allows(&self, time: Duration, what: impl FnOnce() -> String) -> bool {
        let allowed = self.left() > time;
        if !allowed {
            self.leave_out(what());
        }
        allowed
    }

    /// Gives back time that something took which the budget does not bound.
    pub(super) fn give_back(&self, time: Duration) {
        self.end.set(self.end.get().and_then(|end| end.checked_add(time)));
    }

    /// Names something that is not done.
    pub(super) fn leave_out(&self, what: String) {
        self.undone.borrow_mut().push(what);
    }

    /// Everything that was left out, in order.
    pub(super) fn undone(self) -> Vec<String> {
        self.undone.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_time_for_is_named() {
        let budget = TimeBudget::from_now(Duration::from_secs(3600));
        assert!(budget.allows(Duration::from_secs(60), || "never said".into()));
        assert!(!budget.allows(Duration::from_secs(7200), || "two hours of work".into()));
        budget.give_back(Duration::from_secs(1800));
        assert!(budget.allows(Duration::from_secs(4000), || "never said".into()));
        assert!(budget.share(6) <= Duration::from_secs(900));
        assert_eq!(budget.undone(), ["two hours of work"]);
        assert!(!TimeBudget::from_now(Duration::ZERO).allows(Duration::ZERO, String::new));
        assert_eq!(TimeBudget::from_now(Duration::MAX).left(), Duration::MAX);
    }
}
