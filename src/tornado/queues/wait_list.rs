//! A list of tasks that wait in order, from which any task may leave at any time.

use std::task::{Context, Poll, Waker};

use slab::Slab;

/// Identifies a task in a [`WaitList`], from [`join`](WaitList::join) until it leaves or has taken its grant.
pub(crate) type WaitId = usize;

/// A list of tasks in the order in which they joined. Each waits to be granted a `G`: an item, or a permission.
///
/// A grant belongs to its task at once, so a task that comes later cannot take it. A task that leaves with its grant
/// unclaimed returns it. Every operation takes constant time; memory grows with the most tasks that ever waited at
/// once.
///
/// Wakers are returned to the caller, which wakes or drops them after unlocking the mutex around the list. Dropping a
/// waker may drop a task, and that task may be in this very list.
pub(crate) struct WaitList<G> {
    /// The slots of waiting tasks, which are linked from `head` to `tail`, and of tasks with an unclaimed grant, which
    /// are not linked.
    slots: Slab<WaitSlot<G>>,
    head: Option<WaitId>,
    tail: Option<WaitId>,
    /// How many tasks are linked.
    waiting: usize,
}

struct WaitSlot<G> {
    state: SlotState<G>,
    before: Option<WaitId>,
    after: Option<WaitId>,
}

enum SlotState<G> {
    Waiting(Waker),
    Granted(G),
}

impl<G> WaitList<G> {
    pub(crate) const fn new() -> Self {
        Self { slots: Slab::new(), head: None, tail: None, waiting: 0 }
    }

    /// Returns how many tasks wait for a grant.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Returns the task that waits longest.
    pub(crate) fn first(&self) -> Option<WaitId> {
        self.head
    }

    /// Adds a task at the end.
    pub(crate) fn join(&mut self, waker: &Waker) -> WaitId {
        let slot = WaitSlot { state: SlotState::Waiting(waker.clone()), before: self.tail, after: None };
        let id = self.slots.insert(slot);
        match self.slot(self.tail) {
            Some(last) => last.after = Some(id),
            None => self.head = Some(id),
        }
        self.tail = Some(id);
        self.waiting += 1;
        id
    }

    /// Grants `grant` to the first task and returns its waker. Returns `grant` if no task waits.
    pub(crate) fn grant(&mut self, grant: G) -> Result<Waker, G> {
        let Some(id) = self.head else { return Err(grant) };
        self.unlink(id);
        let Some(slot) = self.slots.get_mut(id) else { return Err(grant) };
        match std::mem::replace(&mut slot.state, SlotState::Granted(grant)) {
            SlotState::Waiting(waker) => Ok(waker),
            // Cannot happen: a linked slot waits.
            SlotState::Granted(_) => Ok(Waker::noop().clone()),
        }
    }

    /// Takes the grant of a task and removes the task, or stores the waker of `cx`. Also returns the waker of another
    /// task that this replaces.
    pub(crate) fn poll(&mut self, id: WaitId, cx: &mut Context<'_>) -> (Poll<G>, Option<Waker>) {
        match self.slots.get_mut(id).map(|slot| &mut slot.state) {
            Some(SlotState::Waiting(waker)) if waker.will_wake(cx.waker()) => (Poll::Pending, None),
            Some(SlotState::Waiting(waker)) => (Poll::Pending, Some(std::mem::replace(waker, cx.waker().clone()))),
            _ => match self.leave(id) {
                (Some(grant), waker) => (Poll::Ready(grant), waker),
                (None, waker) => (Poll::Pending, waker),
            },
        }
    }

    /// Removes a task. Returns its unclaimed grant, which the caller passes on, or its waker.
    pub(crate) fn leave(&mut self, id: WaitId) -> (Option<G>, Option<Waker>) {
        if let Some(WaitSlot { state: SlotState::Waiting(_), .. }) = self.slots.get(id) {
            self.unlink(id);
        }
        match self.slots.try_remove(id).map(|slot| slot.state) {
            Some(SlotState::Waiting(waker)) => (None, Some(waker)),
            Some(SlotState::Granted(grant)) => (Some(grant), None),
            None => (None, None),
        }
    }

    /// Unlinks the slot of a waiting task.
    fn unlink(&mut self, id: WaitId) {
        let Some(slot) = self.slots.get(id) else { return };
        let before = slot.before;
        let after = slot.after;
        match self.slot(before) {
            Some(slot) => slot.after = after,
            None => self.head = after,
        }
        match self.slot(after) {
            Some(slot) => slot.before = before,
            None => self.tail = before,
        }
        self.waiting -= 1;
    }

    fn slot(&mut self, id: Option<WaitId>) -> Option<&mut WaitSlot<G>> {
        self.slots.get_mut(id?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_list(length: usize) -> (WaitList<u32>, Vec<WaitId>) {
        let mut list = WaitList::new();
        let ids = (0..length).map(|_| list.join(Waker::noop())).collect();
        (list, ids)
    }

    fn take(list: &mut WaitList<u32>, id: WaitId) -> Option<u32> {
        match list.poll(id, &mut Context::from_waker(Waker::noop())).0 {
            Poll::Ready(grant) => Some(grant),
            Poll::Pending => None,
        }
    }

    #[test]
    fn grants_skip_tasks_that_left() {
        let (mut list, ids) = wait_list(5);
        for gone in [0, 2, 4] {
            assert!(list.leave(ids[gone]).0.is_none());
        }
        assert_eq!((list.len(), list.first()), (2, Some(ids[1])));
        assert!(list.grant(10).is_ok() && list.grant(30).is_ok());
        assert_eq!(list.grant(50).err(), Some(50));
        assert_eq!((take(&mut list, ids[3]), take(&mut list, ids[1])), (Some(30), Some(10)));
        assert_eq!(list.len(), 0);
    }

    #[test]
    fn unclaimed_grant_is_returned() {
        let (mut list, ids) = wait_list(2);
        assert!(list.grant(1).is_ok());
        assert_eq!(list.leave(ids[0]).0, Some(1));
        assert!(list.grant(2).is_ok());
        assert_eq!(take(&mut list, ids[1]), Some(2));
    }

    #[test]
    fn slots_are_reused_while_the_first_task_waits() {
        let (mut list, _) = wait_list(1);
        for _ in 0..1000 {
            let first = list.join(Waker::noop());
            let second = list.join(Waker::noop());
            list.leave(first);
            list.leave(second);
        }
        assert_eq!(list.len(), 1);
        // The next key is below 3, so there were never more than three slots.
        assert!(list.slots.vacant_key() < 3);
    }
}
