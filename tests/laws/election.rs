//! The table of rules is what its program prints: whatever the program looks at has to stay as it was, or the election be held anew.

#[path = "../../benches/council/election.rs"]
mod council;

use council::Size;

/// All of an election that does not take minutes: eight rules on nine streams, one of each family, and one generation of children.
#[test]
fn a_small_election_has_the_result_that_it_had() {
    let size = Size { streams: 9, random_rules: 8, generations: 1, children: 1, seats: 2 };
    let table = council::hold(size, |_, _| {});
    let rows: Vec<&str> = table.lines().map(str::trim).filter(|line| line.starts_with("Member::new")).collect();
    insta::assert_snapshot!(rows.join("\n"), @"
    Member::new([0.846, 0.691, 3.0], 1, 8, [0.681, 0.117, 0.359], 8, 1.207, [0.378, 0.144, 0.148]),
    Member::new([1.25, 0.899, 6.0], 3, 8, [0.945, 0.223, 0.571], 0, 1.117, [0.207, 1.101, 10.072]),
    Member::new([1.25, 0.899, 6.0], 0, 8, [0.885, 0.223, 0.066], 9, 0.974, [0.232, 0.112, 0.732]),
    Member::new([1.453, 1.051, 10.0], 0, 3, [0.999, 0.347, 0.102], 0, 1.226, [0.020, 0.756, 7.540]),
    Member::new([0.846, 0.691, 3.0], 1, 8, [0.681, 0.117, 0.359], 14, 1.078, [1.111, 0.614, 0.252]),
    ");
}
