//! Mutations of seeds, reproducible from a number.

use fastrand::Rng;

/// What parsers branch on.
const WORDS: [&[u8]; 24] = [
    b"%",
    b"%00",
    b"%zz",
    b"+",
    b"&",
    b"=",
    b":",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"\xe2\x80\xae",
    b".",
    b",",
    b"::ffff:",
    b"{",
    b"[",
    b"\"",
    b"null",
    b"-1",
    b"1e999",
    b"9223372036854775808",
    b"\"crit\":[]",
    b"T00:00:60Z",
    b"\r\n",
];
const LONGEST: usize = 2_048;

/// Endless inputs, each a seed after some changes.
pub struct Mutations<'a> {
    seeds: &'a [Vec<u8>],
    random: Rng,
}

impl<'a> Mutations<'a> {
    pub fn of(seeds: &'a [Vec<u8>], number: u64) -> Self {
        Self {
            seeds,
            random: Rng::with_seed(number),
        }
    }

    fn seed(&mut self) -> Vec<u8> {
        self.seeds[self.random.usize(..self.seeds.len())].clone()
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.random.usize(..=length);
        start..self.random.usize(start..=length)
    }

    fn change(&mut self, mut input: Vec<u8>) -> Vec<u8> {
        let range = self.range(input.len());
        match self.random.u8(..6) {
            0 if !input.is_empty() => {
                let at = self.random.usize(..input.len());
                input[at] ^= 1 << self.random.u8(..8);
            }
            1 => drop(input.drain(range)),
            2 => {
                let copy = input[range.clone()].to_vec();
                input.splice(range.end..range.end, copy);
            }
            3 => {
                let other = self.seed();
                let piece = self.range(other.len());
                input.splice(range, other[piece].iter().copied());
            }
            4 => input.insert(range.start, self.random.u8(..)),
            _ => {
                let word = WORDS[self.random.usize(..WORDS.len())];
                input.splice(range.start..range.start, word.iter().copied());
            }
        }
        input.truncate(LONGEST);
        input
    }
}

impl Iterator for Mutations<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut input = self.seed();
        for _ in 0..self.random.u8(1..6) {
            input = self.change(input);
        }
        Some(input)
    }
}
