//! Roles and endpoints.

use core::net::IpAddr;

use serde_json::{Value as Json, json};

use super::merged;
use crate::kinds::endpoint::EndpointSpec;
use crate::kinds::role::AccessSpec;
use crate::kinds::{Name, Pipeline};
use crate::lint::plain::path;
use crate::model::Path;

pub fn all(spec: &Pipeline) -> Json {
    let one = |(name, access): (&Name, &AccessSpec)| {
        let at = Path::of(["access", name.as_str()]);
        let grants = access.can.iter().enumerate().map(|(index, grant)| {
            json!({
                "write": grant.write,
                "read": grant.read,
                "via": grant.via,
                "kcl": grant.kcl,
                "kpl": grant.kpl,
                "path": path(&at.key("can").index(index)),
            })
        });
        let facts = json!({
            "path": path(&at),
            "name": name.as_str(),
            "trust": access.trust,
            "description": access.description,
            "can": grants.collect::<Vec<_>>(),
            "own_tags": access.tags,
            "tags": merged(spec, &access.tags),
            "protect": access.protect,
            "on_removal": access.on_removal,
        });
        (name.as_str().to_owned(), facts)
    };
    Json::Object(spec.access.iter().map(one).collect())
}

pub fn endpoints(spec: &Pipeline) -> Json {
    let one = |(name, endpoint): (&Name, &EndpointSpec)| {
        let at = Path::of(["endpoints", name.as_str()]);
        let group = endpoint.security_group.iter().flat_map(|group| group.allow_from.iter().enumerate());
        let networks = group.map(|(index, network)| {
            let at = at.key("securityGroup").key("allowFrom").index(index);
            json!({
                "network": network,
                "size": size(network),
                "private": is_private(network),
                "may_be_vpc": may_be_vpc(network),
                "open": is_open(network),
                "path": path(&at),
            })
        });
        let facts = json!({
            "path": path(&at),
            "name": name.as_str(),
            "subnets": endpoint.subnets,
            "services": endpoint.services,
            "allow": endpoint.allow,
            "private_dns": endpoint.private_dns,
            "networks": networks.collect::<Vec<_>>(),
            "own_tags": endpoint.tags,
            "tags": merged(spec, &endpoint.tags),
        });
        (name.as_str().to_owned(), facts)
    };
    Json::Object(spec.endpoints.iter().map(one).collect())
}

/// The bits of a network that are free: 16 for `10.0.0.0/16`, 32 for `0.0.0.0/0`.
fn size(network: &str) -> Option<u32> {
    let (address, length) = network.split_once('/')?;
    let width: u32 = if address.contains(':') { 128 } else { 32 };
    length.parse::<u32>().ok().and_then(|length| width.checked_sub(length))
}

/// Whether a network of IPv6 is as small as those of a VPC, which are /44 to /60
/// (docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html). They are global addresses, and look like any other.
fn may_be_vpc(network: &str) -> bool {
    network.contains(':') && size(network).is_some_and(|free| free <= 128 - 44)
}

/// Whether a network is so large that nobody owns it: of IPv4 /7 or shorter, where an internet registry is given /8 at
/// most; of IPv6 /11 or shorter, where it is given /12 (iana.org/assignments, ipv4-address-space and
/// ipv6-unicast-address-assignments). Two halves are everything as well.
fn is_open(network: &str) -> bool {
    let least = if network.contains(':') { 128 - 11 } else { 32 - 7 };
    !is_private(network) && size(network).is_some_and(|free| free >= least)
}

/// Whether a network lies within those that are not routed in the internet: RFC 1918, RFC 6598 and RFC 4193.
fn is_private(network: &str) -> bool {
    let Some((address, length)) = network.split_once('/') else { return false };
    let Ok(length) = length.parse::<u32>() else { return false };
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let [first, second, ..] = address.octets();
            (first == 10 && length >= 8)
                || (first == 172 && (16..32).contains(&second) && length >= 12)
                || (first == 192 && second == 168 && length >= 16)
                || (first == 100 && (64..128).contains(&second) && length >= 10)
        }
        Ok(IpAddr::V6(address)) => address.segments()[0] & 0xFE00 == 0xFC00 && length >= 7,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_private_or_not() {
        for private in ["10.0.0.0/8", "172.16.0.0/12", "192.168.4.0/24", "100.64.0.0/10", "fd00::/8"] {
            assert!(is_private(private), "{private}");
        }
        for public in ["0.0.0.0/0", "10.0.0.0/7", "172.32.0.0/16", "8.8.8.8/32", "2001:db8::/32", "::/0", "x"] {
            assert!(!is_private(public), "{public}");
        }
        assert_eq!((size("10.0.0.0/16"), size("::/0"), size("x")), (Some(16), Some(128), None));
    }

    #[test]
    fn networks_are_open_or_may_be_a_vpcs() {
        for open in ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/7", "::/0", "8000::/1", "2000::/3"] {
            assert!(is_open(open), "{open}");
        }
        for owned in ["10.0.0.0/8", "3.0.0.0/8", "fc00::/7", "2600::/12", "x"] {
            assert!(!is_open(owned), "{owned}");
        }
        assert!(may_be_vpc("2600:1f18::/44") && may_be_vpc("2600:1f18:1:2::/64"));
        assert!(!may_be_vpc("2600:1f18::/40") && !may_be_vpc("52.94.0.0/22"));
    }
}
