"""What stands on a report beside the chart: patient, measurements, statements, the device's line.

All of it is invented but for what the record's header says of the patient, and drawn without
regard to the signal, so that nobody learns a diagnosis from words.
"""

from giraffe.printout.layout import MM_PER_POINT, Text

DEVICES = (
    "CARDIOLINE-S 12", "MX-410 V2.06", "EKG 3003 v1.8", "HEARTSTATION 5", "TC-70 REV B", "Axon 12L",
    "PULSAR 2100", "CP-90A", "NORDA-ECG", "PR 12.4.1", "LP-778120", "Veritas K2", "SN 004417-C",
)  # fmt: skip
PLACES = (
    "ST. ANNE HOSPITAL", "Riverside Clinic", "EMERGENCY DEPT", "Kardiologie Nord", "CITY GENERAL",
    "Ward 4B", "Ambulanz 2", "Centre Medical Sud", "Hospital del Valle", "MEDIC 14",
)  # fmt: skip
NAMES = ("DOE, J", "MILLER A.", "Unknown", "Patient, Test", "GARCIA M", "*****", "XXXX", "")
STATEMENTS = (
    "Normal sinus rhythm", "Sinus rhythm", "Sinus bradycardia", "Sinus tachycardia", "Normal ECG",
    "Left axis deviation", "Nonspecific ST and T wave abnormality", "Borderline ECG",
    "Abnormal ECG", "Possible left atrial enlargement", "Incomplete right bundle branch block",
    "Left ventricular hypertrophy by voltage", "Inferior infarct, age undetermined",
    "Atrial fibrillation", "First degree AV block", "Premature ventricular complexes",
    "Prolonged QT", "Low voltage QRS", "Poor R wave progression", "Early repolarization",
    "Anterolateral T wave changes", "When compared with ECG of 04-MAR", "No significant change",
    "*** ACUTE MI? ***", "Baseline wander, interpretation limited", "Sinusrhythmus, Lagetyp normal",
    "Kein Vergleichs-EKG", "Rythme sinusal", "Ritmo sinusal normal",
)  # fmt: skip
CLOSINGS = (
    "Unconfirmed Diagnosis", "UNCONFIRMED REPORT", "- ABNORMAL ECG -", "- NORMAL ECG -", "Reviewed",
    "Confirmed by: ________", "Referred by:", "PRELIMINARY. MD MUST REVIEW", "Technician: 12",
)  # fmt: skip
LETTER = 0.6  # width of a letter as a share of the size
BANDS = ("0.05-150 Hz", "0.05-40 Hz", "0.5-40 Hz", "0.15-100 Hz", "0.67-25 Hz", "0.5-35 Hz")


def patient_lines(header, rng) -> list[str]:
    """Who the patient is and when the ECG was made, in a maker's manner."""
    comments = header.comments
    age, sex = comments.get("Age", ""), comments.get("Sex", "")
    name, place = str(rng.choice(NAMES)), str(rng.choice(PLACES))
    number = f"{rng.integers(10**6, 10**8)}"
    date = (
        header.date
        or f"{rng.integers(1, 29):02d}-{rng.integers(1, 13):02d}-{2004 + rng.integers(20)}"
    )
    time = header.time or f"{rng.integers(24):02d}:{rng.integers(60):02d}:{rng.integers(60):02d}"
    manners = (
        [f"ID: {header.name}", f"Name: {name}", f"Age: {age}   Sex: {sex}", f"{date} {time}"],
        [f"{name}   ID:{number}   {date}  {time}   {place}", f"{age} yr  {sex}", "Room: 12"],
        [place, f"{date}  {time}", f"Patient {number}", f"{sex} {age} years", "Meds: none"],
        [f"Name: {name}", f"ID: {number}", f"Patient ID: {header.name}", f"Age: {age} {sex[:1]}"],
        [f"{number}  {name}", f"{date} {time}", f"Loc: {place}", f"DOB:            {age} yr", sex],
    )  # fmt: skip
    return list(manners[rng.integers(len(manners))])


def measurement_lines(rng) -> list[str]:
    """Rate, intervals and axes in a maker's manner."""
    rate, pr, qrs = rng.integers(45, 140), rng.integers(110, 230), rng.integers(74, 160)
    qt, qtc = rng.integers(300, 480), rng.integers(380, 500)
    p, r, t = rng.integers(-40, 100, 3)
    manners = (
        [f"Vent. rate     {rate} BPM", f"PR interval    {pr} ms", f"QRS duration   {qrs} ms",
         f"QT/QTc     {qt}/{qtc} ms", f"P-R-T axes   {p}  {r}  {t}"],
        [f"Rate {rate}", f"PR   {pr}", f"QRSD {qrs}", f"QT   {qt}", f"QTc  {qtc}", "--AXIS--",
         f"P    {p}", f"QRS  {r}", f"T    {t}"],
        [f"HR {rate} bpm   P {rng.integers(80, 130)} ms   PR {pr} ms",
         f"QRS {qrs} ms   QT/QTc {qt}/{qtc} ms", f"P/QRS/T {p}/{r}/{t} deg"],
        [f"Herzfrequenz: {rate}/min", f"PQ: {pr} ms", f"QRS: {qrs} ms", f"QT: {qt} ms",
         f"QTc: {qtc} ms"],
        [f"HR {rate}bpm   PR {pr / 1000:.3f}s   QRS {qrs / 1000:.3f}s",
         f"QT/QTc: {qt / 1000:.3f}s/{qtc / 1000:.3f}s",
         f"RV5/SV1  {rng.uniform(0.4, 2.5):.2f}/{rng.uniform(0.3, 2):.2f} mV"],
    )  # fmt: skip
    return list(manners[rng.integers(len(manners))])


def statement_lines(rng) -> list[str]:
    """What a device would say of an ECG; not of this one."""
    lines = [str(line) for line in rng.choice(STATEMENTS, rng.integers(1, 6), replace=False)]
    lead, tail = ("", ". ", "- ", "* ")[rng.integers(4)], ("", " ..... V1-V4", "")[rng.integers(3)]
    lines = [lead + line for line in lines]
    lines[0] += tail
    return [*lines, str(rng.choice(CLOSINGS))]


def scale_line(speed: float, gain: float, rng) -> str:
    """Paper speed, gain, filters and device, as at the foot of most pages."""
    band, device = str(rng.choice(BANDS)), str(rng.choice(DEVICES))
    band += ("", " F50", " F60", " ~50", " AC60")[rng.integers(5)]
    manners = (
        f"{speed:g} mm/s   {gain:g} mm/mV   {band}   {device}",
        f"{speed:.1f}mm/s  {gain:.1f}mm/mV  {band}",
        f"Device: {device}   Speed: {speed:g} mm/sec   Limb: {gain:g} mm/mV   Chest: {gain:g} mm/mV"
        f"     {band}",
        f"{speed:g}mm/s {gain:g}mm/mV {band}        {device}        v{rng.integers(99, 250)}",
        f"x{gain / 10:.1f}  {band}  {speed:g}mm/sec     {device}",
        f"Paper speed {speed:g} mm/s, voltage gain {gain:g} mm/mV",
        f"{band}    {speed:g} mm/s    {gain:g} mm/mV    {device}    PHASE C",
    )
    return manners[rng.integers(len(manners))]


def fill(blocks: list[list[str]], box, points: float, font: str | None = None) -> list[Text]:
    """Blocks of lines side by side in a box.

    Parameters
    ----------
    blocks : list of lists of str
    box : tuple of float
        Left, upper, right and lower border in mm; lines that do not fit are left out, and the end
        of a line that would run into the next block.
    points : float
    font : str, or None
        None: the page's.

    Returns
    -------
    list of Text
    """
    left, top, right, bottom = box
    step = 1.2 * points * MM_PER_POINT
    most = int((bottom - top) / step + 0.2)
    texts, room = [], (right - left) / max(len(blocks), 1)
    letters = max(int(room / (LETTER * points * MM_PER_POINT)), 1)
    for k, lines in enumerate(blocks):
        for row, line in enumerate(lines[: max(most, 0)]):
            if line.strip():
                place = (left + k * room, top + (row + 0.8) * step)
                texts.append(Text(line[:letters], *place, points, font=font))
    return texts
