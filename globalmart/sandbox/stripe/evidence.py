"""What a shop may say in a dispute, and until when."""

from globalmart.sandbox.stripe import errors
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Json, now

DAY_SECONDS = 24 * 3600
DAYS = 8
MAX_CHARACTERS = 150_000
FIELDS = (
    "access_activity_log", "appeal", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


def blank() -> Json:
    """Return the evidence of a new dispute."""
    return {**dict.fromkeys(FIELDS), "enhanced_evidence": {}}


def details() -> Json:
    """Return what a new dispute says of its evidence; the last moment is the end of a UTC day."""
    return {
        "due_by": (now() // DAY_SECONDS + DAYS + 1) * DAY_SECONDS - 1,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }


def merged(current: Json, sent: Parameters) -> Json:
    """Return the evidence with what was sent; an empty text removes. Raises StripeError (400)."""
    sent.only(*FIELDS)
    after = {**current, **{name: sent.text(name) for name in sent.values}}
    if sum(len(text) for text in after.values() if isinstance(text, str)) > MAX_CHARACTERS:
        raise errors.invalid(
            f"The evidence may have up to {MAX_CHARACTERS} characters in all.", param="evidence"
        )
    return after
