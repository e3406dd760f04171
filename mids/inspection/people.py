"""What names people: keys and columns in any spelling, texts and labels that look like a name.

Functions never say what they found.
"""

import re
import unicodedata
from functools import cache, lru_cache

from mids.deid.text.words import list_ambiguous_names, list_given_names, particles, surrogate_lists
from mids.resources import schemas

# --- keys and columns ------------------------------------------------------------------------------------

_WHO = "(patients?|subjects?|persons?|pacientes?|sujetos?|pacients?|malades?|pts?|pat)"
_ANYBODY = f"({_WHO}|participants?|donors?|volunteers?|voluntarios?|volontaires?)"
"""Participants have numbers that are public (`participant_id`), but neither names nor addresses."""
_NAME = "(names?|nombres?|apellidos?|noms?|prenoms?|cognoms?|llinatges?|initials?|iniciales|inicials|initiales)"
_FIRST = "(full|first|last|given|family|sur|middle|maiden|birth|legal)"
PEOPLE = re.compile(
    "(?:x|dcm|dicom)?(?:"
    # names
    f"{_ANYBODY}s?(de|del)?{_FIRST}?{_NAME}(s|yapellidos|completo|complet)?|{_FIRST}names?"
    f"|{_NAME}(yapellidos|icognoms|completo|complet|defamille)?(del?|du|dela|of(the)?)?{_ANYBODY}"
    "|noms?(et|i|y)(prenoms?|cognoms?|apellidos?)|nombre(yapellidos|completo)|nom(icognoms|complet|defamille)|(apellido|cognom|surname|nom)s?[12]?|prenoms?|(primer|segundo)apellido|(primer|segon)cognom"
    "|nom(de)?naissance|nom(d)?(usage|usuel)|forenames?|patronymes?|nextofkin|(firmado|informado)por|(signat|signe|informat)per|signepar|(signed|reported|read)by"
    "|nombre(de|del|dela)?(padre|madre)|nom(de|du|dela|del)?(pere|mere|pare|mare)|(mother|father)s?(full)?name"
    "|mothers?(birth|maiden)?name|nombredelamadre|llinatges|initials|iniciales|inicials|initiales|nombres?|noms?"
    # numbers
    f"|{_WHO}(de|del)?(id|identifier|identification|ident|number|no|num|code|ids)|mrn|medrecno|(medical)?record(number|no)"
    "|medicalrecord(number|no|num|locator)?|num(ero)?(de)?historia(clinica)?|historiaclinica(numero)?|nohistoria"
    "|numhistoriaclinica|numerodhistoria(clinica)?|historiaclinica|(num(ero)?(de)?|n|no|nr)?(sip|cip|tis|tsi|nuhsa|cipautonomico|ss|nss|nuss|dni|nie|nif|nir|ssn|insee|ipp|nhc)"
    "|num(ero)?(de)?dossier|idold|oldid|(study|series|sop|(study|series|sop)?instance|frameofreference)uids?|socialsecurity(number|no)?|numerosecu(ritesociale)?|nhs(number|no)?|passport(no|number)?"
    "|pasaporte|nip|n?historia(clinica)?num|nhistoria(clinica)?|n?(num)?seguridadsocial|n?(num)?seguretatsocial|numsecu|carte?vitale|targetasanitaria|tarjetasanitaria|(dni|nie|nif|nhc|sip|cip)(del?)?pacien?te?|codemelli|nationalid(number)?|hospital(id|number|no)|accession(number|no|num|id)?|numerodeacceso"
    # birth
    f"|dob|{_ANYBODY}?s?(birth(date|day|time)|dob)|birth(date|day|time)?|dateofbirth|datebirth|birthdatetime"
    "|fecha(de)?nac(imiento)?|fnac|fnacimiento|nacimiento|(lugar(de)?nacimiento|lloc(de)?naixement|lieu(de)?naissance|placeofbirth|birthplace)|date(de)?naissance|naissance|ddn|data(de)?naix(ement)?|naixement|geburts(datum|tag)"
    # addresses
    f"|{_ANYBODY}?s?(home|postal|street)?address|direccion(postal)?|domicilio|adresse|adreca|(home|cell|mobile)?(tele)?phone"
    f"(number|no)?|{_ANYBODY}s?telephone(number)?s?|telefonos?|telefon|movil|portable|mobile|e?mail(address)?|correo(electronico)?"
    "|courriel|zip(code)?|postcode|postalcode|codigopostal|codipostal|codepostal"
    # places and professionals
    "|institution(name|address|aldepartmentname|id)?|hospital(name)?|hopital|nombrehospital|centrosanitario"
    "|(referring|performing|requesting|reading|attending|signing)(physicians?|doctor|radiologist)s?(name|identification)?"
    "|physicians?(name|ofrecord)?|doctors?(name)?|radiologist(name)?|operators?names?|medico(solicitante|responsable)?"
    "|radiologo|facultativo|metge(ssa)?(sollicitant|responsable)?|facultatiu|radioleg|radiologue|medecin(traitant|prescripteur)?|etablissement|numcolegiado|numerodecolegiado|technologist(name)?)",
)
"""Keys and columns, small letters without accents and all but letters and digits, that hold what identifies a person:
English, Spanish, Catalan and French; DICOM's keywords with and without its older plural (PatientsName)."""
DAYS = re.compile(
    "(study|series|acquisition|content|instancecreation|procedure|performedprocedurestepstart|scan|exam|examination|visit"
    "|admission|discharge|death|surgery)date(time)?|date(of|time)?(ofthe)?(study|scan|exam|visit|death|admission)"
    "|fecha(del?|dela)?(estudio|exploracion|prueba|ingreso|alta|visita|exitus|informe|defuncion)"
    "|date(de|del)?(examen|exam|letude|etude|lexamen|ladmission|deces)|data(de|del)?(lestudi|estudi|exploracio|ingres)"
)
"""The same for days on which a patient was seen."""
BARE = frozenset(
    {"birth", "mobile", "portable", "institution", "doctor", "doctors", "physician", "physicians", "zip", "mail"}
)
"""Words that name a person's data as a column, and something else as a key of a sidecar."""
_TAG = re.compile(r"[(\[x]?([0-9a-f]{4})[,_|\s-]{0,2}([0-9a-f]{4})[)\]]?", re.IGNORECASE)
_ESCAPED = re.compile("_x00[0-9a-f]{2}_", re.IGNORECASE)
"""A character of a key as XML writers escape it: Patient_x0020_Name."""
_TAG_AT_END = re.compile(r"\s*[(\[]?[0-9a-f]{4},?\s?[0-9a-f]{4}[)\]]?\s*$", re.IGNORECASE)


@lru_cache(maxsize=1 << 14)
def squeeze(text: str) -> str:
    """A key or the name of a column in small letters, without accents, and with letters and digits only."""
    text = _TAG_AT_END.sub("", text) or text
    text = _ESCAPED.sub("", text.replace("&rsquo;", ""))
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if character.isalnum())


def as_tag(key: str) -> str:
    """A key that is a DICOM tag in any notation, as 8 hexadecimal digits; "" where it is none."""
    match = _TAG.fullmatch(key.strip())
    return (match[1] + match[2]).upper() if match else ""


# --- names -----------------------------------------------------------------------------------------------


@cache
def _known_names() -> tuple[frozenset[str], frozenset[str]]:
    """(given names, surnames) that are common in the languages of the collections, folded."""
    given, surnames = set(list_given_names()), {squeeze(name) for name in surrogate_lists()["surnames"]}
    kind = given
    for line in (schemas() / "deid" / "text" / "common_names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            kind = given if line == "[given]" else surnames
        elif line and not line.startswith("#"):
            kind.update(squeeze(name) for name in line.split())
    return frozenset(given), frozenset(surnames)


_WORDS = re.compile(r"[^\W\d_][^\W\d_'’-]*[.,]?(?:[ '’-]{1,2}[^\W\d_][^\W\d_'’-]*[.,]?){1,5}")


@lru_cache(maxsize=1 << 14)
def looks_like_person(text: str) -> bool:
    """Whether a whole text is a name: two to six words, a common given name and a common surname among them."""
    text = text.strip()
    if len(text) > 60 or text.islower() or not _WORDS.fullmatch(text):
        return False
    words = [squeeze(word) for word in re.split(r"[\s.,'’-]+", text) if word]
    given, surnames = _known_names()
    first = [at for at, word in enumerate(words) if word in given]
    last = [at for at, word in enumerate(words) if word in surnames]
    pairs = any(a != b for a in first for b in last)
    plain = all(word in given or word in surnames or word in particles() or len(word) < 3 for word in words)
    return pairs and (plain or text.istitle() or text.isupper())


_PARTS = re.compile(r"[A-ZÀ-Þ]?[a-zß-ÿ]+|[A-ZÀ-Þ]+(?![a-zß-ÿ])")


@cache
def _ordinary_labels() -> frozenset[str]:
    """Words of labels that are no names though lists of names have some of them."""
    words = """control controls patient patients phantom pilot test template average mean empty room emptyroom healthy
    case group subject sample animal human adult child infant baby male female man woman young old left right one two
    three site scanner siemens philips general electric canon toshiba head neck chest heart brain lung knee hip pre post
    base line baseline follow up sham placebo active demo example invented atlas fantome fantasma sujeto paciente"""
    return frozenset(words.split())


@lru_cache(maxsize=1 << 14)
def label_names_person(label: str) -> bool:
    """Whether a label such as `MariaGarcia`, `GARCIAMARIA`, `jsmith` or `GarciaM` is made of common names.

    One that holds more than two digits is none: a code. A given name alone counts from five letters on.
    """
    letters = label.rstrip("0123456789")
    if len(label) - len(letters) > 2 or not letters.isalpha() or len(letters) < 4:
        return False
    given, surnames = _known_names()
    parts = [squeeze(part) for part in _PARTS.findall(letters)]
    if not set(parts).isdisjoint(_ordinary_labels()):
        return False
    known = [part for part in parts if len(part) > 2 and (part in given or part in surnames)]
    if len(parts) > 1:
        return len(known) >= 2 or (len(known) == 1 and any(len(part) == 1 for part in parts))
    whole = squeeze(letters)
    if whole in given or (whole in surnames and whole not in _common_words()):
        return len(whole) >= 5
    return any(
        (a in given and b in surnames)
        or (a in surnames and b in given | surnames and len(b) > 3 < len(a))
        or (len(a) == 1 and b in surnames)
        for a, b in ((whole[:at], whole[at:]) for at in range(1, len(whole) - 2))
    )


@cache
def _common_words() -> frozenset[str]:
    """Surnames that are words of reports too."""
    return frozenset(squeeze(name) for name in surrogate_lists()["words_that_are_surnames"]) & list_ambiguous_names()
