use std::fs;

use super::lines::{LONGEST, OLD_HEADER, crc32, line};
use super::*;
use crate::control::Key;

fn sample(minute: i64) -> Entry {
    let key = Key { pipeline: "shop".into(), stream: "clicks".into() };
    Entry { key: key.into(), record: Record::Sample { minute, accepted: Some(1.5), rejected: None, age: None } }
}

/// By a clock that is a day ahead of all that the tests write.
fn opened(path: &Path) -> Result<FileLedger, Fault> {
    FileLedger::open(path, Arc::new(|| (Memory::MINUTES as i64 + 1540) * 60))
}

fn all(path: &Path) -> Vec<Entry> {
    let mut found = Vec::new();
    FileLedger::peek(path, &mut |entry| found.push(entry)).unwrap();
    found
}

#[test]
fn the_checksum_is_the_one_of_the_world() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn a_file_cut_anywhere_keeps_every_whole_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    (1..=3).for_each(|minute| ledger.append(&[sample(minute)], true).unwrap());
    drop(ledger);
    let whole = fs::read(&path).unwrap();
    let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    for cut in ends[0]..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let mut ledger = opened(&path).unwrap();
        ledger.append(&[sample(9)], false).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut).count() as i64 - 1;
        let expected: Vec<Entry> = (1..=kept).chain([9]).map(sample).collect();
        assert_eq!((all(&path), ledger.damaged), (expected, 0), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_costs_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    (1..=3).for_each(|minute| ledger.append(&[sample(minute)], true).unwrap());
    drop(ledger);
    let mut bytes = fs::read(&path).unwrap();
    let length = (bytes.len() - HEADER.len() - 1) / 3;
    bytes[HEADER.len() + 1 + length + 15] ^= 4;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(opened(&path).unwrap().damaged, 1);
    assert_eq!(all(&path), [sample(1), sample(3)]);
}

#[test]
fn a_line_without_end_is_passed_over_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    opened(&path).unwrap().append(&[sample(1)], true).unwrap();
    let whole = fs::read(&path).unwrap();
    let longest = usize::try_from(LONGEST).unwrap();
    for length in [longest - 1, longest, 3 * longest] {
        let mut bytes = [whole.clone(), vec![b'x'; length]].concat();
        fs::write(&path, &bytes).unwrap();
        assert_eq!((all(&path), opened(&path).unwrap().damaged), (vec![sample(1)], 0), "{length}");
        assert_eq!(fs::read(&path).unwrap(), whole, "an end that was not written is cut off");
        bytes.push(b'\n');
        bytes.extend(line(&sample(2)).bytes().chain([b'\n']));
        fs::write(&path, &bytes).unwrap();
        assert_eq!((all(&path), opened(&path).unwrap().damaged), (vec![sample(1), sample(2)], 1));
    }
    fs::write(&path, vec![0; longest]).unwrap();
    assert_eq!(opened(&path).unwrap_err().code, "UnknownFormat");
    #[cfg(unix)]
    assert_eq!(opened(Path::new("/dev/zero")).unwrap_err().code, "NoFile");
    #[cfg(unix)]
    assert!(!Path::new("/dev/zero.lock").exists());
}

#[test]
fn one_process_has_it_and_others_may_look() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut first = opened(&path).unwrap();
    assert_eq!(opened(&path).unwrap_err().code, "LedgerInUse");
    first.append(&[sample(1)], true).unwrap();
    assert_eq!((all(&path), FileLedger::is_held(&path)), (vec![sample(1)], true));
    drop(first);
    assert!(!FileLedger::is_held(&path));
    opened(&path).unwrap();
    fs::write(&path, "{}\n").unwrap();
    assert_eq!(opened(&path).unwrap_err().code, "UnknownFormat");
}

#[test]
fn old_minutes_leave_and_new_ones_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    let newest = Memory::MINUTES as i64 + 100;
    let entries: Vec<Entry> = (1..=newest).map(sample).collect();
    ledger.append(&entries, false).unwrap();
    ledger.compact().unwrap();
    ledger.append(&[sample(newest + 1)], true).unwrap();
    let found = all(&path);
    assert_eq!((found.len(), &found[0]), (Memory::MINUTES + 1, &sample(101)));
    assert_eq!(found.last(), Some(&sample(newest + 1)));
}

#[test]
fn a_date_that_lies_ahead_makes_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    let now = (ledger.clock)().div_euclid(60);
    let key = sample(0).key;
    let calls = (1..=10).map(|back| Record::Calling { called: now - 100 * back, from: 2, to: 4 });
    let late = Record::Settled { called: now - 100, done: now + 40 * 1440 };
    let entries: Vec<Entry> = calls.chain([late]).map(|record| Entry { key: Arc::clone(&key), record }).collect();
    ledger.append(&entries, true).unwrap();
    ledger.compact().unwrap();
    assert_eq!(all(&path), entries);
    drop(ledger);
    // Nor after a start.
    let mut ledger = opened(&path).unwrap();
    ledger.compact().unwrap();
    assert_eq!(all(&path), entries);
}

/// A full disk, by the limit that the kernel sets to the size of files.
#[test]
fn a_write_that_fails_leaves_no_half_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    ledger.append(&[sample(1)], true).unwrap();
    // A handle that cannot write fails like a disk without room, and cannot be cut either.
    let good = std::mem::replace(&mut ledger.file, File::open(&path).unwrap());
    assert_eq!(ledger.append(&[sample(2)], true).unwrap_err().code, "LedgerFailed");
    assert!(ledger.is_torn);
    ledger.file = good;
    // What such a write has left.
    ledger.file.write_all(&line(&sample(2)).as_bytes()[..20]).unwrap();
    ledger.append(&[sample(3)], true).unwrap();
    ledger.append(&[sample(4)], true).unwrap();
    assert_eq!(all(&path), [sample(1), sample(3), sample(4)]);
    drop(ledger);
    assert_eq!(opened(&path).unwrap().damaged, 1, "the half line alone");
}

#[test]
fn minutes_are_packed_and_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    let key = sample(0).key;
    let other = Arc::new(Key { pipeline: "shop".into(), stream: "or der".into() });
    let at = |key: &Arc<Key>, minute, accepted, rejected, age| Entry {
        key: Arc::clone(key),
        record: Record::Sample { minute, accepted, rejected, age },
    };
    let call = Record::Calling { called: 6, from: 2, to: 4 };
    let entries = [
        at(&key, 1, Some(0.0), Some(0.0), Some(0.0)),
        at(&other, 1, Some(0.1), None, None),
        at(&key, 2, None, None, None),
        at(&key, 5, Some(12.346), Some(1e-7), Some(3e12)),
        Entry { key: Arc::clone(&key), record: call },
        at(&key, 4, Some(1.0), Some(0.25), Some(0.0)),
    ];
    ledger.append(&entries, true).unwrap();
    let of = |key: &Arc<Key>| all(&path).into_iter().filter(|entry| entry.key == *key).collect::<Vec<_>>();
    let expected: Vec<Entry> = entries.iter().filter(|entry| entry.key == key).cloned().collect();
    assert_eq!((of(&key), of(&other)), (expected.clone(), vec![entries[1].clone()]), "each stream's in their order");
    ledger.compact().unwrap();
    assert_eq!((of(&key), of(&other)), (expected, vec![entries[1].clone()]));
    // The last word about a minute holds.
    ledger.append(&[at(&key, 7, Some(1.0), None, None), at(&key, 7, Some(2.0), None, None)], true).unwrap();
    assert_eq!(all(&path).last(), Some(&at(&key, 7, Some(2.0), None, None)));
}

#[test]
fn a_fortnight_of_minutes_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    let of = |minute: i64| Record::Sample {
        minute,
        accepted: Some(3.0 + (minute as f64 / 229.0).sin()),
        rejected: Some(0.0),
        age: Some(0.0),
    };
    let key = sample(0).key;
    for minute in 1..=Memory::MINUTES as i64 {
        ledger.append(&[Entry { key: Arc::clone(&key), record: of(minute) }], false).unwrap();
    }
    let appended = fs::metadata(&path).unwrap().len();
    ledger.compact().unwrap();
    let packed = fs::metadata(&path).unwrap().len();
    assert_eq!(all(&path).len(), Memory::MINUTES);
    // What deploy/README.md says of the size follows from these.
    assert!(appended / Memory::MINUTES as u64 <= 40 && packed / Memory::MINUTES as u64 <= 8, "{appended}, {packed}");
}

#[test]
fn an_old_ledger_is_read_and_made_anew_where_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let old = |minutes: std::ops::RangeInclusive<i64>| {
        minutes.fold(format!("{OLD_HEADER}\n"), |text, minute| text + &line(&sample(minute)) + "\n")
    };
    fs::write(&path, old(1600..=1700)).unwrap();
    let expected: Vec<Entry> = (1600..=1700).map(sample).collect();
    assert_eq!(all(&path), expected, "as it is");
    let mut ledger = opened(&path).unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with(HEADER));
    assert_eq!(all(&path), expected);
    // Where that is not possible it goes on in the form that it has.
    fs::write(&path, old(1600..=1700)).unwrap();
    drop(ledger);
    ledger = opened(&path).unwrap();
    ledger.form = Form::Old;
    fs::write(&path, old(1600..=1700)).unwrap();
    ledger.append(&[sample(1701)], true).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(OLD_HEADER) && text.lines().last().unwrap().contains(r#""is":"sample""#), "{text}");
}

#[test]
fn an_empty_file_gets_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    for torn in ["", "tidegate-led"] {
        fs::write(&path, torn).unwrap();
        let mut ledger = opened(&path).unwrap();
        assert_eq!(ledger.is_cut, !torn.is_empty(), "an empty file has lost nothing");
        ledger.append(&[sample(1)], true).unwrap();
        drop(ledger);
        let again = opened(&path).unwrap();
        assert_eq!((all(&path), again.damaged, again.is_cut), (vec![sample(1)], 0, false));
    }
}

#[test]
fn a_file_that_cannot_be_made_anew_is_written_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let now = Arc::new(std::sync::atomic::AtomicI64::new((Memory::MINUTES as i64 + 1540) * 60));
    let clock = Arc::clone(&now);
    let mut ledger =
        FileLedger::open(&path, Arc::new(move || clock.load(std::sync::atomic::Ordering::SeqCst))).unwrap();
    let attempt = |ledger: &mut FileLedger, minute: i64| {
        ledger.appended = 2 * LEAST_GROWTH;
        // What it is made from cannot be read: the header is another version's.
        let bytes = fs::read(&path).unwrap();
        let damaged = [b"tidegate-ledger 9".as_slice(), &bytes[HEADER.len()..]].concat();
        overwrite(&path, &damaged);
        ledger.append(&[sample(minute)], true).expect("it is written");
        let bytes = fs::read(&path).unwrap();
        overwrite(&path, &[HEADER.as_bytes(), &bytes[HEADER.len()..]].concat());
    };
    attempt(&mut ledger, 1700);
    let why = ledger.trouble().expect("a trouble");
    assert!(why.contains("entries are written all the same"), "{why}");
    assert_eq!(ledger.overgrown.as_ref().map(|failed| failed.failures), Some(1));
    attempt(&mut ledger, 1701);
    assert_eq!(ledger.overgrown.as_ref().map(|failed| failed.failures), Some(1), "it waits");
    now.fetch_add(FIRST_WAIT, std::sync::atomic::Ordering::SeqCst);
    attempt(&mut ledger, 1702);
    assert_eq!(ledger.overgrown.as_ref().map(|failed| failed.failures), Some(2));
    assert_eq!(ledger.trouble(), Some(why), "in the same words, so that it is known to be the same");
    assert_eq!(all(&path), [sample(1700), sample(1701), sample(1702)]);
    now.fetch_add(LONGEST_WAIT, std::sync::atomic::Ordering::SeqCst);
    ledger.appended = 2 * LEAST_GROWTH;
    ledger.append(&[sample(1703)], true).unwrap();
    assert_eq!((ledger.trouble(), ledger.appended), (None, 0));
    assert_eq!(all(&path).len(), 4);
}

/// Writes into the very file, where `fs::write` does so as well, but says it.
fn overwrite(path: &Path, bytes: &[u8]) {
    let mut file = File::options().write(true).truncate(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_temporary_name_is_told_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere").join("ledger");
    let error = nameless(disk::beside(&nowhere, false).unwrap_err());
    assert!(!error.to_string().contains(".new"), "{error}");
}

#[test]
fn a_file_that_is_taken_away_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    ledger.append(&[sample(1)], true).unwrap();
    fs::remove_file(&path).unwrap();
    ledger.append(&[sample(2)], true).unwrap();
    assert_eq!(all(&path), [sample(1), sample(2)]);
    assert!(ledger.trouble().is_some_and(|why| why.contains("taken away")));
    fs::remove_file(&path).unwrap();
    ledger.close().now_or_never().expect("at once");
    assert_eq!(all(&path), [sample(1), sample(2)]);
    // Somebody else's file is not overwritten, nor is it taken for ours.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine\n").unwrap();
    assert_eq!(ledger.append(&[sample(3)], true).unwrap_err().code, "LedgerReplaced");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
}

/// The rights of a file.
#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[test]
fn a_ledger_is_one_under_each_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let [soft, hard, inner] = ["soft", "hard", "inner"].map(|name| folder.path().join(name));
    // By way of another one.
    std::os::unix::fs::symlink("ledger", folder.path().join("way")).unwrap();
    std::os::unix::fs::symlink("way", &soft).unwrap();
    std::os::unix::fs::symlink(".", &inner).unwrap();
    // The link leads to what is not there yet.
    let mut ledger = opened(&soft).unwrap();
    ledger.append(&[sample(1)], true).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    let refused = |when: &str| {
        for other in [&path, &soft, &hard, &inner.join("ledger")] {
            let fault = opened(other).map(drop).unwrap_err();
            assert_eq!(fault.code, "LedgerInUse", "{}, {when}", other.display());
            assert!(FileLedger::is_held(other), "{}, {when}", other.display());
        }
    };
    refused("while it runs");
    fs::remove_file(folder.path().join("ledger.lock")).unwrap();
    refused("without the lock beside it");
    ledger.compact().unwrap();
    assert!(fs::symlink_metadata(&soft).unwrap().is_symlink(), "the link stays one");
    fs::remove_file(&hard).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    for name in ["ledger.lock", "hard.lock"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    refused("made anew");
    fs::remove_file(&path).unwrap();
    ledger.append(&[sample(2)], true).unwrap();
    fs::remove_file(&hard).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    refused("put back");
    drop(ledger);
    assert_eq!(all(&path), [sample(1), sample(2)]);
    opened(&hard).unwrap();
}

#[cfg(unix)]
#[test]
fn who_may_read_a_ledger_may_read_it_made_anew() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let mut ledger = opened(&path).unwrap();
    for rights in [0o644, 0o640, 0o600] {
        fs::set_permissions(&path, fs::Permissions::from_mode(rights)).unwrap();
        ledger.compact().unwrap();
        assert_eq!(mode(&path), rights, "without what is old");
        fs::remove_file(&path).unwrap();
        ledger.append(&[sample(1)], true).unwrap();
        assert_eq!(mode(&path), rights, "put back");
    }
}

#[test]
fn a_file_that_is_cut_short_is_written_anew_of_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let calling = |called| Entry { record: Record::Calling { called, from: 2, to: 4 }, ..sample(called) };
    for bytes in [0, 5, HEADER.len() as u64 + 9] {
        let _ = fs::remove_file(&path);
        let mut ledger = opened(&path).unwrap();
        ledger.append(&[calling(1), sample(2)], true).unwrap();
        let known = |take: Take<'_>| [calling(1), sample(2)].into_iter().for_each(take);
        assert_eq!(Ledger::renew(&mut ledger, &known).now_or_never().unwrap(), Ok(false), "nothing is amiss");
        File::options().write(true).open(&path).unwrap().set_len(bytes).unwrap();
        assert_eq!(ledger.append(&[calling(3)], true).unwrap_err().code, "LedgerCut", "no call is made on it");
        assert_eq!(Ledger::renew(&mut ledger, &known).now_or_never().unwrap(), Ok(true));
        assert!(ledger.trouble().is_some_and(|why| why.contains("was cut short under the running controller")));
        ledger.append(&[sample(3), calling(3)], true).unwrap();
        // An hour of minutes would be taken for the whole past: without any the next start reads it again.
        assert_eq!(all(&path), [calling(1), calling(3)], "{bytes}");
        assert_eq!(opened(&path).unwrap_err().code, "LedgerInUse");
        drop(ledger);
        opened(&path).unwrap().append(&[sample(4)], true).unwrap();
        assert_eq!(all(&path), [calling(1), calling(3), sample(4)], "{bytes}");
    }
}

#[test]
fn a_file_cut_in_its_first_lines_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    opened(&path).unwrap().append(&[sample(1)], true).unwrap();
    let whole = fs::read(&path).unwrap();
    for (bytes, is_cut) in [(whole.len(), false), (whole.len() - 1, true), (HEADER.len() + 1, false), (3, true)] {
        fs::write(&path, &whole[..bytes]).unwrap();
        assert_eq!(opened(&path).unwrap().is_cut, is_cut, "{bytes}");
    }
}
