//! Coalitions in the sense of Shapley: sets of groups of decisions that are applied together.

/// A set of groups, by their positions: at most 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupCoalition(u64);

impl GroupCoalition {
    /// No group: the baseline.
    pub const EMPTY: GroupCoalition = GroupCoalition(0);

    /// The most groups that there can be.
    pub const MOST: usize = 64;

    /// All of `count` groups: the variant.
    pub fn full(count: usize) -> GroupCoalition {
        GroupCoalition(if count >= Self::MOST { u64::MAX } else { (1 << count) - 1 })
    }

    /// One group.
    pub fn of(group: usize) -> GroupCoalition {
        GroupCoalition(1 << group)
    }

    /// All sets of `count` groups; for few.
    pub fn all(count: usize) -> impl Iterator<Item = GroupCoalition> {
        (0..1u64 << count).map(GroupCoalition)
    }

    /// With a group more.
    #[must_use]
    pub fn with(self, group: usize) -> GroupCoalition {
        GroupCoalition(self.0 | 1 << group)
    }

    /// Without a group.
    #[must_use]
    pub fn without(self, group: usize) -> GroupCoalition {
        GroupCoalition(self.0 & !(1 << group))
    }

    /// The groups of this coalition that are not in the other.
    #[must_use]
    pub fn less(self, other: GroupCoalition) -> GroupCoalition {
        GroupCoalition(self.0 & !other.0)
    }

    /// Tells whether a group is in it.
    pub fn contains(self, group: usize) -> bool {
        self.0 >> group & 1 == 1
    }

    /// Number of groups in it.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Tells whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The groups in it, ascending.
    pub fn groups(self) -> impl Iterator<Item = usize> {
        (0..Self::MOST).filter(move |group| self.contains(*group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sets() {
        let some = GroupCoalition::EMPTY.with(0).with(3).with(63);
        assert_eq!(some.groups().collect::<Vec<_>>(), [0, 3, 63]);
        assert_eq!(some.without(3).len(), 2);
        assert_eq!(GroupCoalition::full(64).len(), 64);
        assert_eq!(
            GroupCoalition::full(3).less(GroupCoalition::of(1)),
            GroupCoalition::EMPTY.with(0).with(2)
        );
        assert_eq!(GroupCoalition::all(3).count(), 8);
    }
}
