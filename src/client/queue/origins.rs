//! The lanes of the line: one for each origin if origins have limits or are counted, else one for all.

use super::heap::Heap;
use super::rate::{Bucket, Nanos, Rate};

/// The longest page of the index before it becomes two.
const PAGE: usize = 256;

/// The fewest lanes at which it is worth looking for those that nobody uses.
const SWEEP: usize = 64;

/// Where a lane stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Nobody waits in it, or it has as many running as it may.
    Aside,
    /// Its first may start.
    Ready,
    /// Its first may start at a point in time.
    Timed,
}

/// The requests to one origin.
#[derive(Debug)]
pub(super) struct Lane {
    name: Box<str>,
    in_use: bool,
    pub(super) active: usize,
    pub(super) line: Heap,
    pub(super) bucket: Option<Bucket>,
    pub(super) stand: Stand,
    /// Where in the heap of its stand.
    pub(super) position: u32,
}

impl Lane {
    fn new(name: &str, rate: Option<Rate>) -> Self {
        Self {
            name: name.into(),
            in_use: true,
            active: 0,
            line: Heap::default(),
            bucket: rate.map(Bucket::new),
            stand: Stand::Aside,
            position: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// When its rate lets one start.
    pub(super) fn free_at(&self) -> Nanos {
        self.bucket.as_ref().map_or(Nanos::MIN, Bucket::free_at)
    }

    fn is_idle(&self, now: Nanos) -> bool {
        self.active == 0 && self.line.is_empty() && self.bucket.is_none_or(|bucket| bucket.is_full(now))
    }
}

/// All lanes. They are found by name in a sorted list, cut into pages so that a new one moves few others.
#[derive(Debug)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    free: Vec<u32>,
    /// Nothing if there is one lane for all.
    pages: Option<Vec<Vec<u32>>>,
    rate: Option<Rate>,
    sweep_at: usize,
}

impl Lanes {
    pub(super) fn new(by_origin: bool, rate: Option<Rate>) -> Self {
        let (lanes, pages) = if by_origin { (Vec::new(), Some(Vec::new())) } else { (vec![Lane::new("", None)], None) };
        Self { lanes, free: Vec::new(), pages, rate, sweep_at: SWEEP }
    }

    pub(super) fn get(&self, index: u32) -> Option<&Lane> {
        self.lanes.get(index as usize)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Lane> {
        self.lanes.get_mut(index as usize)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.lanes.iter_mut()
    }

    /// The lanes in which something runs or waits, by name; none if there is one for all.
    pub(super) fn busy(&self) -> impl Iterator<Item = &Lane> {
        let indices = self.pages.iter().flatten().flatten();
        indices.filter_map(|index| self.get(*index)).filter(|lane| lane.active > 0 || !lane.line.is_empty())
    }

    /// The lane of `origin`, which is made if there is none.
    pub(super) fn open(&mut self, origin: &str, now: Nanos) -> u32 {
        if self.pages.is_none() {
            return 0;
        }
        let (page, at) = match self.find(origin) {
            Ok(found) => return found,
            Err(_) if self.lanes.len() - self.free.len() >= self.sweep_at => {
                self.sweep(now);
                self.find(origin).err().unwrap_or_default()
            }
            Err(missing) => missing,
        };
        let lane = Lane::new(origin, self.rate);
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(free) = self.get_mut(index) {
                    *free = lane;
                }
                index
            }
            None => {
                self.lanes.push(lane);
                (self.lanes.len() - 1) as u32
            }
        };
        self.insert(page, at, index);
        index
    }

    /// The lane of that name, or the page and the place on it where it should be.
    fn find(&self, name: &str) -> Result<u32, (usize, usize)> {
        let pages = self.pages.as_deref().unwrap_or_default();
        let name_of = |index: &u32| self.get(*index).map_or("", Lane::name);
        let page = pages.partition_point(|page| page.first().is_some_and(|first| name_of(first) <= name));
        let page = page.saturating_sub(1);
        let entries = pages.get(page).map_or(&[][..], Vec::as_slice);
        let at = entries.partition_point(|index| name_of(index) < name);
        match entries.get(at) {
            Some(index) if name_of(index) == name => Ok(*index),
            _ => Err((page, at)),
        }
    }

    fn insert(&mut self, page: usize, at: usize, index: u32) {
        let Some(pages) = &mut self.pages else { return };
        let Some(entries) = pages.get_mut(page) else { return pages.push(vec![index]) };
        entries.insert(at.min(entries.len()), index);
        if entries.len() > PAGE {
            let rest = entries.split_off(PAGE / 2);
            pages.insert(page + 1, rest);
        }
    }

    /// Forgets the lanes that nobody uses; the next time when there are twice as many as now remain.
    fn sweep(&mut self, now: Nanos) {
        let Self { lanes, free, pages, .. } = self;
        for (index, lane) in lanes.iter_mut().enumerate() {
            if lane.in_use && lane.is_idle(now) {
                lane.in_use = false;
                lane.name = Box::default();
                free.push(index as u32);
            }
        }
        for page in pages.iter_mut().flatten() {
            page.retain(|index| lanes.get(*index as usize).is_some_and(|lane| lane.in_use));
        }
        if let Some(pages) = pages {
            pages.retain(|page| !page.is_empty());
        }
        self.sweep_at = SWEEP.max(2 * (self.lanes.len() - self.free.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_found_again_among_thousands() {
        let mut lanes = Lanes::new(true, None);
        let name = |number: usize| format!("http://host-{}.example", number * 7919 % 5000);
        let indices: Vec<_> = (0..5000)
            .map(|number| {
                let index = lanes.open(&name(number), 0);
                lanes.get_mut(index).unwrap().active = 1;
                index
            })
            .collect();
        assert!((0..5000).all(|number| lanes.open(&name(number), 0) == indices[number]));
        let names: Vec<_> = lanes.busy().map(|lane| lane.name().to_owned()).collect();
        assert!(names.len() == 5000 && names.is_sorted());
    }

    #[test]
    fn lanes_that_nobody_uses_are_forgotten() {
        let mut lanes = Lanes::new(true, Some(Rate::new(1, std::time::Duration::from_nanos(10))));
        let busy = lanes.open("http://busy.example", 0);
        lanes.get_mut(busy).unwrap().active = 1;
        for number in 0..10_000 {
            let index = lanes.open(&format!("http://{number}.example"), number);
            // An empty bucket is remembered until it is full again.
            lanes.get_mut(index).unwrap().bucket.as_mut().unwrap().take(number);
        }
        assert!(lanes.lanes.len() < 200, "{}", lanes.lanes.len());
        assert_eq!(lanes.open("http://busy.example", 0), busy);
        assert!(lanes.find("http://9999.example").is_ok());
    }
}
