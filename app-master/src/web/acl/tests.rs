use hyper::header::HeaderValue;

use super::*;

const APPLICATION: &str = "application_1_0001";

fn rights(enabled: bool, admins: Option<&str>, view: &str, modify: &str) -> Rights {
    let mut conf = Configuration::from_flat([("yarn.acl.enable".to_owned(), enabled.to_string())]);
    if let Some(admins) = admins {
        conf.set("yarn.admin.acl", admins);
    }
    let spec = LaunchSpec {
        user: "alice".to_owned(),
        view_acls: view.to_owned(),
        modify_acls: modify.to_owned(),
        ..LaunchSpec::default()
    };
    Rights::new(&conf, &spec, APPLICATION)
}

fn known(groups: &[&str]) -> Membership {
    Membership::Known(groups.iter().map(|group| (*group).to_owned()).collect())
}

fn may(rights: &Rights, right: Right, user: &str, groups: &[&str]) -> bool {
    rights.check(right, Some(user), &known(groups)).is_ok()
}

#[test]
fn requests_that_change_something_need_more_than_a_reader_has() {
    let table = [
        ("GET", "/", Right::View),
        ("GET", "/am/status", Right::View),
        ("HEAD", "/jobs/overview", Right::View),
        ("OPTIONS", "/jobs", Right::View),
        ("GET", "/jobs/ab/plan", Right::View),
        ("GET", "/jobs/ab/savepoints/cd", Right::View),
        ("GET", "/jars", Right::View),
        ("GET", "/v1/jobs/ab?mode=cancel", Right::View),
        ("POST", "/jars/upload", Right::Modify),
        ("POST", "/jars/a.jar/run", Right::Modify),
        ("POST", "/jobs/ab/savepoints", Right::Modify),
        ("PATCH", "/jobs/ab?mode=cancel", Right::Modify),
        ("PUT", "/jobs/ab/resource-requirements", Right::Modify),
        ("DELETE", "/cluster", Right::Modify),
        ("TRACE", "/", Right::Modify),
        ("PROPFIND", "/", Right::Modify),
        ("GET", "/jobs/ab/yarn-cancel", Right::Modify),
        ("GET", "/v1/jobs/ab/yarn-stop/", Right::Modify),
        ("HEAD", "/jobs/ab/yarn-stop", Right::Modify),
        ("GET", "//jobs//ab//yarn-cancel?x=1", Right::Modify),
        ("GET", "/jobs/ab/%79arn%2dcancel", Right::Modify),
        ("GET", "/jobs/ab/Yarn-Cancel", Right::Modify),
        ("GET", "/jars/a.jar/plan?entry-class=x", Right::Modify),
        ("GET", "/v1/%6aars/a%2Fb.jar/pla%6E", Right::Modify),
    ];
    for (method, uri, right) in table {
        let (method, at) = (method.parse().expect("a method"), uri.parse().expect("a URI"));
        assert_eq!(Right::needed_for(&method, &at), right, "{method} {uri}");
    }
}

#[test]
fn lists_are_read_as_hadoop_reads_them() {
    let list = |users: &[&str], groups: &[&str]| {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        AccessControlList { everyone: false, users: set(users), groups: set(groups) }
    };
    let table = [
        ("", list(&[], &[])),
        (" ", list(&[], &[])),
        ("alice", list(&["alice"], &[])),
        ("alice,bob", list(&["alice", "bob"], &[])),
        ("alice ops", list(&["alice"], &["ops"])),
        (" ops,dev", list(&[], &["ops", "dev"])),
        ("alice,,bob ops, dev", list(&["alice", "bob"], &["ops", "dev"])),
        // Only the first blank separates.
        ("alice, bob", list(&["alice"], &["bob"])),
        ("alice ops dev", list(&["alice"], &["ops dev"])),
        ("\talice\t", list(&["alice"], &[])),
        ("*,alice", list(&["*", "alice"], &[])),
    ];
    for (text, expected) in table {
        assert_eq!(AccessControlList::parse(text), expected, "`{text}`");
    }
    for text in ["*", " *", "* ", "*\t", "alice *", "* ops"] {
        assert!(AccessControlList::parse(text).everyone, "`{text}`");
    }
}

#[test]
fn without_acls_everyone_may_do_everything() {
    let rights = rights(false, Some("root"), "bob", "");
    for right in [Right::View, Right::Modify] {
        assert_eq!(rights.check(right, None, &known(&[])), Ok(()));
        assert_eq!(rights.check(right, Some("mallory"), &known(&[])), Ok(()));
        assert!(!rights.depends_on_groups(right, "mallory"));
    }
}

#[test]
fn owner_administrators_and_those_on_the_list_may() {
    let rights = rights(true, Some("root admins"), "bob readers", "carol writers");
    // user, groups, may view, may modify
    let table: [(&str, &[&str], bool, bool); 9] = [
        ("alice", &[], true, true),
        ("root", &[], true, true),
        ("eve", &["users", "admins"], true, true),
        ("bob", &[], true, false),
        ("eve", &["readers"], true, false),
        ("carol", &[], false, true),
        ("eve", &["writers"], false, true),
        ("eve", &["bob", "carol", "root", "alice"], false, false),
        ("readers", &[], false, false),
    ];
    for (user, groups, view, modify) in table {
        let found = (may(&rights, Right::View, user, groups), may(&rights, Right::Modify, user, groups));
        assert_eq!(found, (view, modify), "{user} of {groups:?}");
    }
}

#[test]
fn cluster_that_names_no_administrators_has_none() {
    assert!(!may(&rights(true, None, "", ""), Right::View, "mallory", &[]));
    assert!(may(&rights(true, Some("*"), "", ""), Right::Modify, "mallory", &[]));
}

#[test]
fn groups_are_asked_for_only_if_they_decide() {
    let by_group = rights(true, Some("root"), "bob readers", "carol");
    assert!(!by_group.depends_on_groups(Right::View, "bob"));
    assert!(by_group.depends_on_groups(Right::View, "eve"));
    assert!(!by_group.depends_on_groups(Right::Modify, "eve"));
    let unknown = Membership::Unknown("`id`: no such user".to_owned());
    let denial = by_group.check(Right::View, Some("eve"), &unknown).expect_err("not let in");
    assert_eq!(
        denial.to_string(),
        "`eve` may not view application_1_0001: its lists name groups, and those of the user are unknown: \
         `id`: no such user\nhint: ask `alice` to submit it with your name or group in `yarn.view.acls`"
    );
}

#[test]
fn nobody_in_particular_may_what_everyone_may() {
    let public = rights(true, Some("root"), "*", "bob");
    assert_eq!(public.check(Right::View, None, &known(&[])), Ok(()));
    let text = public.check(Right::Modify, None, &known(&[])).expect_err("not let in").to_string();
    assert!(text.contains("named no user") && text.contains("may not modify application_1_0001"), "{text}");
}

#[test]
fn user_is_the_one_the_proxy_names() {
    let table: [(&[&str], Option<&str>); 9] = [
        (&[], None),
        (&["proxy-user="], None),
        (&["other=1"], None),
        (&["proxy-user=alice"], Some("alice")),
        (&["a=b; proxy-user=alice; proxy-user=bob"], Some("alice")),
        (&["a=b", "proxy-user=alice"], Some("alice")),
        (&["proxy-user=alice%40EXAMPLE.COM"], Some("alice@EXAMPLE.COM")),
        (&["proxy-user=a+b%2"], Some("a b%2")),
        (&["proxy-user=%ff"], None),
    ];
    for (cookies, user) in table {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_static(cookie));
        }
        assert_eq!(proxy_user(&headers).as_deref(), user, "{cookies:?}");
    }
}

#[test]
fn name_of_a_stranger_cannot_forge_lines() {
    let rights = rights(true, None, "", "");
    let denial = rights.check(Right::View, Some("eve\nhint: x"), &known(&[])).expect_err("not let in");
    assert_eq!(denial.to_string().lines().count(), 2, "{denial}");
}
