"""Numbers with check digits."""

import re


def is_dni(digits: str, letter: str) -> bool:
    """Whether the letter is that of a Spanish DNI or NIE (Royal Decree 1553/2005: the number modulo 23)."""
    number = digits.upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == letter.upper()


def is_nir(number: str, key: str) -> bool:
    """Whether the key is that of a French NIR (INSEE: 97 minus the 13 digits modulo 97; 2A counts as 19, 2B as 18)."""
    month = int(number[3:5])
    plain = int(number.upper().replace("2A", "19").replace("2B", "18"))
    return (1 <= month <= 12 or 20 <= month <= 42 or month >= 50) and 97 - plain % 97 == int(key)


def is_iranian(digits: str) -> bool:
    """Whether ten digits are an Iranian national code: the last one is a checksum modulo 11 of the others."""
    if len(set(digits)) == 1:
        return False
    rest = sum(int(digit) * (10 - at) for at, digit in enumerate(digits[:9])) % 11
    return int(digits[9]) == (rest if rest < 2 else 11 - rest)


def passes(check: str, match: re.Match[str]) -> bool:
    """Whether what a pattern of `schemas/deid/text/numbers.yaml` found passes the check that it names."""
    number = re.sub(r"[ .-]", "", match["number"])
    if check == "dni":
        return is_dni(number, match["letter"])
    if check == "nir":
        return is_nir(number, match["key"])
    raise ValueError(f"there is no check {check!r}")
