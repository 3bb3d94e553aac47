//! What ops found of a run's checkpoints, so that looking at all of them again costs the newest one alone.

use serde_json::Value;
use std::{cell::RefCell, collections::VecDeque};

/// Bytes that findings may take as JSON: those of some hundred checkpoints.
const ROOM: usize = 8 << 20;

/// What was found of a checkpoint, under a key that says all else that it depends on.
struct Finding {
    update: usize,
    key: String,
    found: Value,
    bytes: usize,
}

/// Findings, the oldest first; those go where there is no room for a new one.
#[derive(Default)]
pub struct Memory(RefCell<VecDeque<Finding>>);

impl Memory {
    /// What was found of the checkpoint after `update`.
    pub fn recall(&self, update: usize, key: &str) -> Option<Value> {
        let findings = self.0.borrow();
        let mut findings = findings.iter();
        let is_asked = |one: &&Finding| one.update == update && one.key == key;
        findings.find(is_asked).map(|one| one.found.clone())
    }

    /// Keeps `found`, in place of what was found before.
    pub fn remember(&self, update: usize, key: &str, found: Value) {
        self.make_room(update, key, found, ROOM);
    }

    fn make_room(&self, update: usize, key: &str, found: Value, room: usize) {
        let bytes = key.len() + found.to_string().len();
        let mut findings = self.0.borrow_mut();
        findings.retain(|one| one.update != update || one.key != key);
        findings.push_back(Finding {
            update,
            key: key.into(),
            found,
            bytes,
        });
        let mut taken: usize = findings.iter().map(|one| one.bytes).sum();
        while taken > room
            && let Some(oldest) = findings.pop_front()
        {
            taken -= oldest.bytes;
        }
    }

    /// Forgets checkpoints whose update is not `kept`.
    pub fn retain(&self, kept: impl Fn(usize) -> bool) {
        self.0.borrow_mut().retain(|one| kept(one.update));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_checkpoint_and_key_has_its_own_newest_finding() {
        let memory = Memory::default();
        memory.remember(10, "a", json!([1.5]));
        memory.remember(10, "b", json!([2.5]));
        memory.remember(10, "a", json!([3.5]));
        assert_eq!(memory.recall(10, "a"), Some(json!([3.5])));
        assert_eq!(memory.recall(10, "b"), Some(json!([2.5])));
        assert_eq!(memory.recall(20, "a"), None);
        memory.retain(|update| update < 10);
        assert_eq!(memory.recall(10, "b"), None);
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let memory = Memory::default();
        // A key of one letter and "[0]": four bytes each.
        for update in 0..5 {
            memory.make_room(update, "a", json!([0]), 12);
        }
        let kept = (0..5).filter(|&update| memory.recall(update, "a").is_some());
        assert_eq!(kept.collect::<Vec<_>>(), [2, 3, 4]);
        memory.make_room(9, "a", json!("far too long"), 12);
        assert_eq!(memory.recall(9, "a"), None);
    }
}
