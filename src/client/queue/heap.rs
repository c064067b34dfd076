//! A binary heap that reports the position of each item, so that an item can be removed from the middle.

/// Capacity that is kept when the last item is removed.
const RETAINED_CAPACITY: usize = 64;

/// An item of a heap with its rank. The smallest rank comes first; among equal ranks, the smallest serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) rank: i64,
    pub(super) serial: u64,
    pub(super) item: u32,
}

impl Node {
    fn is_before(&self, other: &Self) -> bool {
        (self.rank, self.serial) < (other.rank, other.serial)
    }
}

/// Called with an item and its new position whenever an item moves.
// A trait object rather than a type parameter: the npm package's module then has the code of a single heap, not a copy
// for each kind of item.
pub(super) type OnMove<'a> = &'a mut dyn FnMut(u32, u32);

/// The heap. Adding and removing an item takes logarithmic time; adding the last in order takes constant time.
#[derive(Debug, Default)]
pub(super) struct Heap(Vec<Node>);

impl Heap {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes all items and frees the memory, without calling an `OnMove`.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// Returns the first item; its position is 0.
    pub(super) fn first(&self) -> Option<Node> {
        self.0.first().copied()
    }

    /// Returns the item in the last place of the array: no item comes after it but in other branches of the tree.
    pub(super) fn last(&self) -> Option<Node> {
        self.0.last().copied()
    }

    pub(super) fn push(&mut self, node: Node, on_move: OnMove<'_>) {
        self.0.push(node);
        self.sift_up(self.0.len() - 1, node, on_move);
    }

    /// Removes the item at `position`.
    pub(super) fn remove(&mut self, position: u32, on_move: OnMove<'_>) -> Option<Node> {
        let at = position as usize;
        let removed = self.0.get(at).copied()?;
        let last = self.0.pop()?;
        // The last item fills the gap. It may belong above the gap as well as below.
        if at < self.0.len() {
            let goes_up = at > 0 && self.0.get((at - 1) / 2).is_some_and(|above| last.is_before(above));
            if goes_up { self.sift_up(at, last, on_move) } else { self.sift_down(at, last, on_move) }
        }
        // The memory of a large burst of requests is returned with the last of them.
        if self.0.is_empty() && self.0.capacity() > RETAINED_CAPACITY {
            self.clear();
        }
        Some(removed)
    }

    fn sift_up(&mut self, mut at: usize, node: Node, on_move: OnMove<'_>) {
        while at > 0 {
            let parent = (at - 1) / 2;
            let Some(above) = self.0.get(parent).copied().filter(|above| node.is_before(above)) else { break };
            self.put(at, above, on_move);
            at = parent;
        }
        self.put(at, node, on_move);
    }

    fn sift_down(&mut self, mut at: usize, node: Node, on_move: OnMove<'_>) {
        loop {
            let left = 2 * at + 1;
            let right = left + 1;
            let Some(mut below) = self.0.get(left).copied() else { break };
            let mut child = left;
            if let Some(other) = self.0.get(right).filter(|other| other.is_before(&below)) {
                below = *other;
                child = right;
            }
            if !below.is_before(&node) {
                break;
            }
            self.put(at, below, on_move);
            at = child;
        }
        self.put(at, node, on_move);
    }

    fn put(&mut self, at: usize, node: Node, on_move: OnMove<'_>) {
        if let Some(slot) = self.0.get_mut(at) {
            *slot = node;
            on_move(node.item, at as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudorandom numbers, the same in every run.
    fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        }
    }

    #[test]
    fn items_come_out_in_order_after_removals() {
        let mut next = numbers(7);
        let mut positions = vec![u32::MAX; 1000];
        let mut heap = Heap::default();
        let mut nodes: Vec<_> =
            (0..1000).map(|item| Node { rank: (next() % 50) as i64, serial: item, item: item as u32 }).collect();
        for node in &nodes {
            heap.push(*node, &mut |item, at| positions[item as usize] = at);
        }
        for _ in 0..400 {
            let chosen = nodes.swap_remove(next() as usize % nodes.len());
            let removed = heap.remove(positions[chosen.item as usize], &mut |item, at| positions[item as usize] = at);
            assert_eq!(removed, Some(chosen));
        }
        nodes.sort_by_key(|node| (node.rank, node.serial));
        for node in nodes {
            assert_eq!(heap.first(), Some(node));
            heap.remove(0, &mut |item, at| positions[item as usize] = at);
        }
        assert!(heap.is_empty() && heap.0.capacity() <= RETAINED_CAPACITY);
    }
}
