"""SendGrid and Twilio on the wire, and a page that shows what arrived."""
