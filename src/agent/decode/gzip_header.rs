//! The header of a gzip member (RFC 1952, section 2.3), read byte by byte.

use zlib_rs::crc32::crc32;

use crate::error::Source;

/// The first bytes of a member.
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The only compression method that is defined.
const DEFLATE: u8 = 8;

/// The flags of the optional fields.
const HAS_CHECKSUM: u8 = 0x02;
const HAS_EXTRA: u8 = 0x04;
const HAS_NAME: u8 = 0x08;
const HAS_COMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;

/// The number of bytes before the optional fields.
const FIXED_LENGTH: u8 = 10;

/// The header of a member. Its fields are checked and then dropped, so it takes no memory however long they are.
pub(super) struct GzipHeader {
    flags: u8,
    /// The checksum of the bytes so far.
    checksum: u32,
    field: Field,
}

/// The field that the next byte belongs to.
#[derive(Clone, Copy)]
enum Field {
    /// The number of bytes before this byte.
    Fixed(u8),
    /// The first byte of the extra field's length, if it has arrived.
    ExtraLength(Option<u8>),
    /// The number of bytes that are left of the extra field.
    Extra(u16),
    Name,
    Comment,
    /// The first byte of the header's checksum, if it has arrived.
    Checksum(Option<u8>),
    End,
}

impl GzipHeader {
    pub(super) const fn new() -> Self {
        Self { flags: 0, checksum: 0, field: Field::Fixed(0) }
    }

    /// Reads the next byte. Returns whether the header has ended.
    ///
    /// # Errors
    /// If the header is not valid.
    pub(super) fn read(&mut self, byte: u8) -> std::result::Result<bool, Source> {
        let expected = self.checksum.to_le_bytes();
        self.field = match self.field {
            Field::Fixed(at) => {
                self.check_fixed(at, byte)?;
                if at + 1 < FIXED_LENGTH { Field::Fixed(at + 1) } else { self.first_of(HAS_EXTRA) }
            }
            Field::ExtraLength(None) => Field::ExtraLength(Some(byte)),
            Field::ExtraLength(Some(low)) => match u16::from_le_bytes([low, byte]) {
                0 => self.first_of(HAS_NAME),
                length => Field::Extra(length),
            },
            Field::Extra(1) => self.first_of(HAS_NAME),
            Field::Extra(left) => Field::Extra(left - 1),
            Field::Name if byte == 0 => self.first_of(HAS_COMMENT),
            Field::Comment if byte == 0 => self.first_of(HAS_CHECKSUM),
            Field::Checksum(None) => Field::Checksum(Some(byte)),
            Field::Checksum(Some(first)) if [first, byte] != expected[..2] => {
                return Err("the checksum of a gzip header does not match the header".into());
            }
            Field::Checksum(Some(_)) => Field::End,
            field @ (Field::Name | Field::Comment | Field::End) => field,
        };
        // The checksum covers the header up to the checksum itself.
        if !matches!(self.field, Field::Checksum(Some(_))) {
            self.checksum = crc32(self.checksum, &[byte]);
        }
        Ok(matches!(self.field, Field::End))
    }

    /// Checks a byte of the fixed part.
    fn check_fixed(&mut self, at: u8, byte: u8) -> std::result::Result<(), Source> {
        match at {
            0 | 1 if byte != GZIP[usize::from(at)] => Err("the body does not begin with a gzip header".into()),
            2 if byte != DEFLATE => Err("a gzip header has an unknown compression method".into()),
            3 if byte & RESERVED != 0 => Err("a gzip header has unknown flags".into()),
            3 => {
                self.flags = byte;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Returns the first optional field that is present, beginning with the field of this flag.
    fn first_of(&self, flag: u8) -> Field {
        let fields = [
            (HAS_EXTRA, Field::ExtraLength(None)),
            (HAS_NAME, Field::Name),
            (HAS_COMMENT, Field::Comment),
            (HAS_CHECKSUM, Field::Checksum(None)),
        ];
        let mut following = fields.into_iter().skip_while(|(first, _)| *first != flag);
        following.find(|(flag, _)| self.flags & flag != 0).map_or(Field::End, |(_, field)| field)
    }
}
