"""What PTB-XL's own codes say of the classes that docs/databases.md leaves open.

`python -m benchmarks.snomed` counts, over the shared records of PTB-XL's folds 1-6 and 10, how
often those with a code have a label by `prepare-ptbxl`'s rule.
"""

from pathlib import Path

from giraffe.ecg.database import read_database
from giraffe.ecg.ptbxl import labels_from_codes, read_superclasses

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
STATEMENTS = SHARED / "ptbxl_folds1-8" / "scp_statements.csv"
TABLES = (
    SHARED / "ptbxl_folds1-8" / "ptbxl_database.csv",
    SHARED / "ptbxl_fold10" / "ptbxl_database.csv",
)
QUESTIONS = (
    ("SR", "NORM", "sinus rhythm and nothing else"),
    ("SBRAD", "NORM", "sinus bradycardia"),
    ("PAC", "NORM", "premature atrial contraction"),
    ("PVC", "NORM", "premature ventricular contraction"),
    ("IRBBB", "NORM", "incomplete right bundle branch block"),
    ("IVCD", "NORM", "nonspecific intraventricular conduction disorder"),
    ("CRBBB", "NORM", "complete right bundle branch block"),
    ("AFIB", "NORM", "atrial fibrillation"),
    ("PACE", "NORM", "pacemaker"),
    ("QWAVE", "Old MI", "abnormal Q wave"),
    ("LPR", "CD", "prolonged PR interval"),
    ("VCLVH", "HYP", "voltage criteria of left ventricular hypertrophy"),
    ("STD_", "STTC", "ST depression"),
    ("INVT", "STTC", "T wave inversion"),
    ("NDT NT_ TAB_ LOWT", "STTC", "T wave abnormal"),
    ("LVH VCLVH", "HYP", "left ventricular hypertrophy"),
    ("SVARR", "PAC", "supraventricular arrhythmia"),
    ("BIGU", "PVC", "bigeminy of either kind"),
)


def main() -> None:
    """Print the table."""
    superclass_of = read_superclasses(STATEMENTS)
    tables = [read_database(table) for table in TABLES]
    # Folds 7 and 8 judge at the end, and decide nothing.
    used = [table[~table["fold"].isin([7, 8])] for table in tables]
    codes = [set(cell) for table in used for cell in table["codes"]]
    labels = [labels_from_codes(own, superclass_of, acute=False) for own in codes]
    print("| SCP code | what it says | label | share of its records | records |")
    print("|---|---|---|---|---|")
    for wanted, label, name in QUESTIONS:
        alone = name.endswith("nothing else")
        having = [
            label in given
            for own, given in zip(codes, labels, strict=True)
            if own & set(wanted.split()) and (not alone or own <= {wanted, "NORM"})
        ]
        share = sum(having) / len(having)
        print(f"| {wanted} | {name} | {label} | {100 * share:.0f} % | {len(having)} |")


if __name__ == "__main__":
    main()
