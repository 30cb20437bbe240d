"""The format of Apache's htpasswd, with every kind of hash that the Collector takes."""

from __future__ import annotations

import pytest

from penstock.extensions._htpasswd import Users

HASHES = {
    "myPassword": [  # of Apache's documentation
        "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC",
        "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/",
        "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=",
    ],
    "md5": ["$1$saltsalt$/jkPlMLBgXfPMvVeXb86N0"],  # of OpenSSL, from here on
    "sha256": ["$5$saltsalt$TKvINR76cf6ziMJ1siKj.WW9FeUFam/OqnDmJ2o2Ec6"],
    "sha512": [
        "$6$saltsalt$bOjbeV4EGvhn2aWBhaDwsGPKZop5UBl9QZ8SeJY6TzDd36sVlHScirZ8b/QcG0zlYU2CzPz.Udm6mZhh.Wlv8."
    ],
    "ssha": ["{SSHA}OFr7e6fRt5mNpyHXGo+tsNp6oWlTQUxU"],
    "in clear": ["in clear"],
}
BCRYPT = HASHES["myPassword"][0]


@pytest.mark.parametrize(
    ("password", "hash_"),
    [(password, hash_) for password, hashes in HASHES.items() for hash_ in hashes],
)
def test_only_the_password_itself_is_right(password: str, hash_: str) -> None:
    users = Users(f"anna:{hash_}")
    assert users.is_right("anna", password)
    for wrong in ("", password[:-1], f"{password}x", password.swapcase(), hash_ + "x"):
        assert not users.is_right("anna", wrong)


@pytest.mark.parametrize("password", ["x" * 73, "x\0y", "x" * 10_000, "ä" * 100])
@pytest.mark.parametrize("hash_", [BCRYPT, HASHES["md5"][0], "clear"])
def test_a_password_that_no_hash_can_be_of_is_wrong(password: str, hash_: str) -> None:
    assert not Users(f"anna:{hash_}").is_right("anna", password)


def test_a_user_who_does_not_exist_has_no_password() -> None:
    users = Users("anna:secret")
    assert "anna" in users
    assert "berta" not in users
    assert not users.is_right("berta", "secret")
    assert not Users("").is_right("berta", "")


def test_blank_lines_and_comments_are_no_users_and_the_last_line_of_a_user_counts() -> None:
    users = Users("# anna:old\n\n  anna:older\nberta:b:c\n anna:new \n")
    assert users.is_right("anna", "new")
    assert not users.is_right("anna", "older")
    assert users.is_right("berta", "b:c"), "a password may have colons"
    assert "# anna" not in users


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("hunter2", "line 2 is not `user:password`"),
        (":hunter2", "line 2 is not `user:password`"),
        ("hunter2:", "line 2 is not `user:password`"),
        ("anna:$argon2id$v=19$hunter2", "line 2: a hash of an unknown kind; expected bcrypt"),
        ("anna:{CRYPT}hunter2", "line 2: a hash of an unknown kind"),
        ("anna:$2y$05$hunter2", "line 2: not a whole hash of the kind bcrypt"),
        (f"anna:{BCRYPT.replace('05', '31')}", "line 2: 31 rounds of bcrypt take too long"),
        ("anna:$6$rounds=999999999$salt$" + "x" * 86, "line 2: 999999999 rounds of sha512_crypt"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_without_being_quoted(
    line: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match="line 2") as raised:
        Users(f"good:one\n{line}\n")
    assert complaint in str(raised.value)
    assert "hunter2" not in str(raised.value)
