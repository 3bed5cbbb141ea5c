"""What is wrong with a value, in our own words, by Pydantic's name for it."""

from collections.abc import Mapping
from typing import Final

# Pydantic's own sentences may quote the input; these name only the rule that was broken.
REASONS: Final[Mapping[str, str]] = {
    "missing": "This field is required.",
    "extra_forbidden": "This field is not known here.",
    "greater_than_equal": "The value is below the least allowed, {ge}.",
    "greater_than": "The value must be above {gt}.",
    "less_than_equal": "The value is above the most allowed, {le}.",
    "less_than": "The value must be below {lt}.",
    "multiple_of": "The value must be a multiple of {multiple_of}.",
    "string_too_long": "The text is longer than {max_length} characters.",
    "string_too_short": "The text is shorter than {min_length} characters.",
    "too_long": "There are more than {max_length} items.",
    "too_short": "There are fewer than {min_length} items.",
    "int_type": "A whole number is expected.",
    "int_from_float": "A whole number is expected.",
    "int_parsing": "A whole number is expected.",
    "float_type": "A number is expected.",
    "float_parsing": "A number is expected.",
    "finite_number": "A finite number is expected.",
    "bool_type": "true or false is expected.",
    "bool_parsing": "true or false is expected.",
    "string_type": "A text is expected.",
    "list_type": "A list is expected.",
    "dict_type": "An object is expected.",
    "model_type": "An object is expected.",
    "model_attributes_type": "An object is expected.",
    "uuid_type": "A UUID is expected.",
    "uuid_parsing": "A UUID is expected.",
    "uuid_version": "A UUID of version {expected_version} is expected.",
    "timezone_aware": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "datetime_type": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "datetime_parsing": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "datetime_from_date_parsing": "A time with an offset is expected, such as 2026-11-03T08:15:00+01:00.",
    "date_type": "A date is expected, such as 2026-11-03.",
    "date_parsing": "A date is expected, such as 2026-11-03.",
    "date_from_datetime_parsing": "A date is expected, such as 2026-11-03.",
    "enum": "The value is not one of those allowed: {expected}.",
    "literal_error": "The value is not one of those allowed: {expected}.",
    "json_invalid": "The body is not valid JSON.",
}
OTHERWISE: Final = "The value is not valid here."
