use std::slice::from_ref;

use super::*;

fn at(chunk: u64, offset: u64) -> At {
    At {
        chunk: chunk as u32,
        offset: offset as u32,
        line: 0,
    }
}

fn birth(host: u64, id: u64, seconds: i64) -> Birth {
    Birth {
        key: host * 1000 + id,
        id,
        host,
        time: Time(seconds * SECOND),
        from: 0,
        process: 0,
        given_back: false,
        may_be_reused: true,
        at: at(host, id),
    }
}

fn claim(host: u64, own: u64, id: u64, peer: u64, seconds: i64) -> Claim {
    Claim {
        key: host * 1000 + own,
        id,
        host,
        peer,
        time: Time(seconds * SECOND),
        at: at(host, own),
    }
}

#[test]
fn an_address_is_learnt_and_decides_where_ids_collide() {
    let hops = Hops {
        births: vec![birth(2, 7, 10), birth(2, 8, 20), birth(3, 8, 20)],
        claims: vec![claim(1, 1, 7, 90, 10), claim(1, 2, 8, 90, 20)],
        ..Hops::default()
    };
    let found = resolve(from_ref(&hops), &[]);
    assert_eq!(found.pairs, [(1001, 2007), (1002, 2008)]);
    assert!(found.ambiguous.is_empty());
}

#[test]
fn several_hosts_with_the_id_are_not_chosen_from() {
    let hops = Hops {
        births: vec![birth(2, 8, 20), birth(3, 8, 20)],
        claims: vec![claim(1, 2, 8, 90, 20)],
        ..Hops::default()
    };
    let found = resolve(from_ref(&hops), &[]);
    assert!(found.pairs.is_empty());
    let fitting = vec![at(2, 8), at(3, 8)];
    assert_eq!(found.ambiguous, Ambiguous::from([(at(1, 2), fitting)]));
    assert_eq!(resolve(from_ref(&hops), &[(90, 3)]).pairs, [(1002, 3008)]);
}

#[test]
fn an_id_used_again_is_another_record() {
    let hops = Hops {
        births: vec![birth(2, 8, 20), birth(2, 8, 4000)],
        claims: vec![claim(1, 1, 8, 90, 20), claim(1, 2, 8, 90, 4000)],
        ..Hops::default()
    };
    let found = resolve(from_ref(&hops), &[]);
    let second = found.life(2008, Time(4001 * SECOND));
    assert_ne!(second, 2008);
    assert_eq!(found.life(2008, Time(3999 * SECOND)), 2008);
    assert_eq!(found.pairs, [(1001, 2008), (1002, second)]);
}

#[test]
fn message_ids_link_only_where_one_record_fits() {
    let named = |host: u64, id: u64, seconds: i64| NamedAs {
        key: host * 1000 + id,
        message_id: 5,
        host,
        time: Time(seconds * SECOND),
        may_be_reused: false,
        at: at(host, id),
    };
    let mut hops = Hops {
        claims: vec![claim(1, 1, 0, 90, 20)],
        named: vec![named(1, 1, 19), named(2, 8, 20), named(2, 9, 5000)],
        ..Hops::default()
    };
    assert_eq!(resolve(from_ref(&hops), &[(90, 2)]).pairs, [(1001, 2008)]);
    hops.named.push(named(2, 4, 21));
    let found = resolve(from_ref(&hops), &[(90, 2)]);
    assert!(found.pairs.is_empty());
    let fitting = vec![at(2, 4), at(2, 8)];
    assert_eq!(found.ambiguous, Ambiguous::from([(at(1, 1), fitting)]));
}

#[test]
fn hand_overs_tell_the_clock_of_a_file() {
    let zone = 3600;
    let mut hops = Hops {
        births: vec![birth(2, 7, 100 + zone), birth(2, 8, 200 + zone)],
        claims: vec![claim(1, 1, 7, 90, 103), claim(1, 2, 8, 90, 201)],
        ..Hops::default()
    };
    let shifts = |hops: &Hops| clock_shifts(from_ref(hops), |chunk| chunk == 2);
    let told = BTreeMap::from([(2, -zone * SECOND)]);
    assert_eq!(shifts(&hops), told);
    // The other way round: the giver's clock is the one not known.
    hops.births = vec![birth(1, 7, 100)];
    hops.claims = vec![claim(2, 1, 7, 90, 103 + zone)];
    assert_eq!(shifts(&hops), told);
    // Two files that nothing tells about do not tell about each other.
    assert!(clock_shifts(from_ref(&hops), |_| true).is_empty());
}
