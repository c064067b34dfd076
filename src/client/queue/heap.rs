//! A binary heap whose items know where they are, so that one can leave from anywhere.

/// So much room is kept when nothing is left.
const KEPT: usize = 64;

/// What is in a heap: an item and its rank; the smallest rank is first, among equal ones the smallest serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) rank: i64,
    pub(super) serial: u64,
    pub(super) item: u32,
}

impl Node {
    fn before(&self, other: &Self) -> bool {
        (self.rank, self.serial) < (other.rank, other.serial)
    }
}

/// Told where an item is now. It is a trait object so that there is one heap in the module of the npm package, not one
/// for each kind of item.
pub(super) type Place<'a> = &'a mut dyn FnMut(u32, u32);

/// The heap. Joining and leaving take logarithmic time; joining at the end takes constant time.
#[derive(Debug, Default)]
pub(super) struct Heap(Vec<Node>);

impl Heap {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Lets go of everything, and of its memory.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    /// The first; it is at position 0.
    pub(super) fn first(&self) -> Option<Node> {
        self.0.first().copied()
    }

    pub(super) fn push(&mut self, node: Node, place: Place<'_>) {
        self.0.push(node);
        self.rise(self.0.len() - 1, node, place);
    }

    /// Takes out what is at `position`.
    pub(super) fn remove(&mut self, position: u32, place: Place<'_>) -> Option<Node> {
        let at = position as usize;
        let removed = self.0.get(at).copied()?;
        let last = self.0.pop()?;
        if at < self.0.len() {
            let rises = at > 0 && self.0.get((at - 1) / 2).is_some_and(|above| last.before(above));
            if rises { self.rise(at, last, place) } else { self.sink(at, last, place) }
        }
        // The memory of a great crowd goes with the last of it.
        if self.0.is_empty() && self.0.capacity() > KEPT {
            self.clear();
        }
        Some(removed)
    }

    fn rise(&mut self, mut at: usize, node: Node, place: Place<'_>) {
        while at > 0 {
            let parent = (at - 1) / 2;
            let Some(above) = self.0.get(parent).copied().filter(|above| node.before(above)) else { break };
            self.put(at, above, place);
            at = parent;
        }
        self.put(at, node, place);
    }

    fn sink(&mut self, mut at: usize, node: Node, place: Place<'_>) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let Some(mut below) = self.0.get(left).copied() else { break };
            let mut child = left;
            if let Some(other) = self.0.get(right).filter(|other| other.before(&below)) {
                (below, child) = (*other, right);
            }
            if !below.before(&node) {
                break;
            }
            self.put(at, below, place);
            at = child;
        }
        self.put(at, node, place);
    }

    fn put(&mut self, at: usize, node: Node, place: Place<'_>) {
        if let Some(slot) = self.0.get_mut(at) {
            *slot = node;
            place(node.item, at as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are the same in every run.
    fn numbers(mut seed: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 33
        }
    }

    #[test]
    fn comes_out_in_order_past_those_who_left() {
        let mut next = numbers(7);
        let mut positions = vec![u32::MAX; 1000];
        let mut heap = Heap::default();
        let mut nodes: Vec<_> =
            (0..1000).map(|item| Node { rank: (next() % 50) as i64, serial: item, item: item as u32 }).collect();
        for node in &nodes {
            heap.push(*node, &mut |item, at| positions[item as usize] = at);
        }
        for _ in 0..400 {
            let gone = nodes.swap_remove(next() as usize % nodes.len());
            let removed = heap.remove(positions[gone.item as usize], &mut |item, at| positions[item as usize] = at);
            assert_eq!(removed, Some(gone));
        }
        nodes.sort_by_key(|node| (node.rank, node.serial));
        for node in nodes {
            assert_eq!(heap.first(), Some(node));
            heap.remove(0, &mut |item, at| positions[item as usize] = at);
        }
        assert!(heap.is_empty() && heap.0.capacity() <= KEPT);
    }
}
