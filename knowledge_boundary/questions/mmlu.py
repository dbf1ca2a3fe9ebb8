"""MMLU's 57 subjects, their four categories (Hendrycks et al. 2021), and R-Tuning's split of them."""

from ..running.errors import UserError

CATEGORIES = {
    "STEM": (
        "abstract_algebra astronomy college_biology college_chemistry college_computer_science college_mathematics "
        "college_physics computer_security conceptual_physics electrical_engineering elementary_mathematics "
        "high_school_biology high_school_chemistry high_school_computer_science high_school_mathematics "
        "high_school_physics high_school_statistics machine_learning"
    ),
    "humanities": (
        "formal_logic high_school_european_history high_school_us_history high_school_world_history international_law "
        "jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory professional_law "
        "world_religions"
    ),
    "social sciences": (
        "econometrics high_school_geography high_school_government_and_politics high_school_macroeconomics "
        "high_school_microeconomics high_school_psychology human_sexuality professional_psychology public_relations "
        "security_studies sociology us_foreign_policy"
    ),
    "other": (
        "anatomy business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing "
        "medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology"
    ),
}
CATEGORY = {subject: category for category, subjects in CATEGORIES.items() for subject in subjects.split()}
SUBJECTS = tuple(sorted(CATEGORY))
IN_DOMAIN = SUBJECTS[:28]
# The parts of R-Tuning's split, by --domain.
DOMAINS = {
    "ID": "in domain, R-Tuning's training half: the larger half of each of the first 28 subjects",
    "ID_test": "in domain, R-Tuning's test half: the smaller half of each of the first 28 subjects",
    "OOD": "out of domain: the last 29 subjects",
    "all": "all subjects",
}


def domain_part(questions, domain: str) -> list:
    """The questions of a part of R-Tuning's split.

    Args:
        questions: of one split of MMLU, in file order.
        domain: a key of ``DOMAINS``.

    Raises:
        UserError: a subject is none of MMLU's.
    """
    if domain == "all":
        return list(questions)
    for q in questions:
        if q.subject not in CATEGORY:
            raise UserError(f"--domain {domain}: the split is of MMLU's subjects, and {q.subject} is none of them")
    if domain == "OOD":
        return [q for q in questions if q.subject not in IN_DOMAIN]
    halves = []
    for subject in IN_DOMAIN:
        own = [q for q in questions if q.subject == subject]
        larger = (len(own) + 1) // 2
        halves += own[:larger] if domain == "ID" else own[larger:]
    return halves
