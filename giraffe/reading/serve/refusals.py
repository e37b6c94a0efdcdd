"""What the page says no to, each with its status, a word for programs and one for people."""

from starlette.responses import JSONResponse

NOTICE = "Not a medical device: do not use it to diagnose, treat or reassure anybody."


class Refusal(Exception):
    """A request that is not answered as it was meant.

    Parameters
    ----------
    status : int
        Of HTTP.
    error : str
        For programs, such as ``no_chart``.
    message : str
        For people: what is wrong, and what to do.
    """

    def __init__(self, status: int, error: str, message: str):
        super().__init__(message)
        self.status, self.error, self.message = status, error, message

    def response(self) -> JSONResponse:
        """The answer."""
        content = {"error": self.error, "message": self.message, "notice": NOTICE}
        headers = {"Retry-After": "10"} if self.status == 503 else None
        return JSONResponse(content, self.status, headers)


def wrong_query(message: str) -> Refusal:
    """For a parameter of the address that is not understood."""
    return Refusal(400, "wrong_query", message)


def no_picture(message: str) -> Refusal:
    """For a form that holds no picture."""
    return Refusal(400, "no_picture", message)


def too_large(message: str) -> Refusal:
    """For more bytes, pixels or pages than are read."""
    return Refusal(413, "too_large", message)


def no_form() -> Refusal:
    """For a body that is no form."""
    message = "Send a form (multipart/form-data) whose field `picture` is the file."
    return Refusal(415, "no_form", message)


def not_a_picture(name: str) -> Refusal:
    """For a file that cannot be opened as a picture."""
    message = (
        f"{name} is not a picture that can be read. Give a PNG, JPEG, TIFF, BMP, WebP, GIF or HEIC "
        "picture, or a PDF."
    )
    return Refusal(415, "not_a_picture", message)


def no_chart(strip: bool) -> Refusal:
    """For a picture without a chart of several leads."""
    message = (
        "This shows a strip of one lead, not a chart of twelve."
        if strip
        else "No ECG chart was found in this picture. Take it from above, near enough that the "
        "chart fills most of it, in even light."
    )
    return Refusal(422, "no_chart", message)


def no_page(page: int, pages: int) -> Refusal:
    """For a page that the file does not have."""
    return Refusal(422, "no_page", f"There is no page {page}: the file has {pages}.")


def no_signals(reason: str) -> Refusal:
    """For signals of a picture in which none could be followed."""
    return Refusal(422, "no_signals", f"There are no signals to write: {reason}.")


def busy(line: int) -> Refusal:
    """For one more than wait already."""
    message = f"{line} pictures are in line already. Try again in a while."
    return Refusal(503, "busy", message)
