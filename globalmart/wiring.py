"""The whole choreography on one screen: which event wakes whom, and which work there is.

Functions are named by dotted strings, as Django does, so that every import in the house points
down; a system check resolves each at start-up. An event without a line here is for outside
readers alone.
"""

from globalmart.core.choreography import Consumer, Machine, Timed, Wiring, Work

WIRING = Wiring(
    # An event's consumers run once each, in a transaction that also marks the delivery done.
    consumers={
        "payment.authorized": (Consumer("orders.jobs.on_payment_authorized", "default"),),
        "payment.captured": (
            Consumer("orders.jobs.on_payment_captured", "default"),
            Consumer("orders.jobs.on_money_moved", "default"),
        ),
        "payment.failed": (Consumer("orders.jobs.on_payment_closed", "default"),),
        "payment.cancelled": (Consumer("orders.jobs.on_payment_closed", "default"),),
        "payment.hold_lost": (Consumer("orders.jobs.on_payment_hold_lost", "default"),),
        "payment.dispute_opened": (Consumer("orders.jobs.on_dispute_opened", "default"),),
        "payment.dispute_won": (Consumer("orders.jobs.on_dispute_won", "default"),),
        "payment.fraud_warned": (Consumer("orders.jobs.on_fraud_warned", "default"),),
        "fulfillment.accepted": (Consumer("orders.jobs.on_fulfillment_accepted", "default"),),
        "fulfillment.cancelled": (Consumer("orders.jobs.on_fulfillment_stopped", "default"),),
        "fulfillment.cancellation_refused": (
            Consumer("orders.jobs.on_fulfillment_stopped", "default"),
        ),
        "fulfillment.closed_short": (Consumer("orders.jobs.on_closed_short", "default"),),
        "refund.succeeded": (
            Consumer("orders.jobs.on_refund_succeeded", "default"),
            Consumer("orders.jobs.on_money_moved", "default"),
        ),
        "refund.cancelled": (Consumer("orders.jobs.on_refund_cancelled", "default"),),
        "refund.failed": (Consumer("orders.jobs.on_money_moved", "default"),),
        "order.hold_released": (Consumer("orders.jobs.on_hold_released", "default"),),
        "return.received": (Consumer("orders.jobs.on_return_received", "default"),),
        "stock.backordered": (Consumer("orders.jobs.on_stock_backordered", "default"),),
        "stock.backorder_filled": (Consumer("orders.jobs.on_backorder_filled", "default"),),
        "shipment.dispatched": (
            Consumer("orders.jobs.on_shipment_dispatched", "default", ("payments.operations",)),
            Consumer(
                "notifications.jobs.on_shipment_dispatched",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.confirmed": (
            Consumer(
                "notifications.jobs.on_order_confirmed",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.payment_invited": (
            Consumer(
                "notifications.jobs.on_payment_invited",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.pay_link_sent": (
            Consumer(
                "notifications.jobs.on_pay_link_sent",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.cancelled": (
            Consumer(
                "notifications.jobs.on_order_cancelled",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.cancellation_rejected": (
            Consumer(
                "notifications.jobs.on_cancellation_rejected",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.units_cancelled": (
            Consumer(
                "notifications.jobs.on_units_cancelled",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.contact_corrected": (
            Consumer(
                "notifications.jobs.on_contact_corrected",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.address_corrected": (
            Consumer(
                "notifications.jobs.on_address_corrected",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.address_correction_rejected": (
            Consumer(
                "notifications.jobs.on_address_kept",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.expired": (
            Consumer(
                "notifications.jobs.on_order_expired",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.withdrawal_received": (
            Consumer(
                "notifications.jobs.on_withdrawal_received",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "return.moved": (
            Consumer(
                "notifications.jobs.on_return_moved",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.goods_short": (
            Consumer(
                "notifications.jobs.on_goods_short",
                "notifications",
                ("notifications.messages",),
            ),
        ),
        "order.late_payment_returned": (
            Consumer(
                "notifications.jobs.on_late_payment_returned",
                "notifications",
                ("notifications.messages",),
            ),
        ),
    },
    # Work whose rows were made due in the event's own transaction.
    rings={
        "order.placed": ("payments.operations",),
        "order.confirmed": ("fulfillment.requests",),
        "order.hold_released": ("fulfillment.requests",),
        "payment.operation_planned": ("payments.operations",),
        "payment.webhook_received": ("payments.webhooks",),
    },
    work={
        "payments.operations": Work(
            "payments.jobs.work_operations", "payments", "payments.queries.has_due_operations"
        ),
        "payments.checks": Work(
            "payments.jobs.check_attempts", "payments", "payments.queries.has_due_checks"
        ),
        "payments.refund_checks": Work(
            "payments.jobs.check_refunds", "payments", "payments.queries.has_due_refund_checks"
        ),
        "payments.webhooks": Work(
            "payments.jobs.apply_webhooks", "webhooks", "payments.queries.has_due_webhooks"
        ),
        # What is left of the comparison of everything; webhooks are hints, so they can wait.
        "payments.reconciliation": Work(
            "payments.jobs.reconcile_whole", "webhooks", "payments.queries.has_due_reconciliation"
        ),
        "fulfillment.requests": Work(
            "fulfillment.jobs.submit_due", "fulfillment", "fulfillment.queries.has_due_requests"
        ),
        "fulfillment.polls": Work(
            "fulfillment.jobs.poll_due", "fulfillment", "fulfillment.queries.has_due_polls"
        ),
        "orders.unpaid": Work(
            "orders.jobs.expire_unpaid", "default", "orders.queries.orders.has_unpaid_overdue"
        ),
        "orders.holds": Work(
            "orders.jobs.expire_holds", "default", "orders.queries.holds.has_expired"
        ),
        "orders.returns": Work(
            "orders.jobs.expire_returns", "default", "orders.queries.returns.has_overdue"
        ),
        "orders.invitations": Work(
            "orders.jobs.invite_to_pay", "default", "orders.queries.orders.has_uninvited"
        ),
        "notifications.messages": Work(
            "notifications.jobs.send_due",
            "notifications",
            "notifications.queries.has_due_messages",
        ),
    },
    # Alert kind -> who lists what is stuck in a state past its age.
    watched={
        "order_stuck": "orders.queries.orders.list_stuck",
        "cancellation_stuck": "orders.queries.cancellations.list_stuck",
        "correction_stuck": "orders.queries.corrections.list_stuck",
        "shortage_stuck": "orders.queries.shortages.list_stuck",
        "return_stuck": "orders.queries.returns.list_stuck",
        "payment_stuck": "payments.queries.list_stuck_attempts",
        "hold_ending": "payments.queries.list_ending_holds",
        "operation_stuck": "payments.queries.list_stuck_operations",
        "refund_stuck": "payments.queries.list_stuck_refunds",
        "dispute_stuck": "payments.queries.list_stuck_disputes",
        "evidence_due": "payments.queries.list_evidence_due",
        "reconciliation_late": "payments.queries.list_late_reconciliations",
        "fulfillment_stuck": "fulfillment.queries.list_stuck",
        "warehouse_down": "fulfillment.queries.list_down_warehouses",
        "warehouse_counts_late": "fulfillment.queries.list_late_counts",
        "parcel_stuck": "fulfillment.queries.list_stuck_parcels",
        "backorder_stuck": "fulfillment.queries.list_stuck_backorders",
        "message_stuck": "notifications.queries.list_stuck",
    },
    # Queue -> what its worker loads before its first job: SDKs take up to a second to import.
    warm={
        "payments": ("payments.gateways.current",),
        "webhooks": ("payments.gateways.current",),
        "fulfillment": ("fulfillment.gateways.current",),
        "notifications": ("notifications.gateways.load",),
    },
    # What the clock starts. What must not be late is the sweeper's.
    timed=(
        Timed("globalmart.core.jobs.prune", "default", "17 3 * * *"),
        Timed("fulfillment.jobs.expire_silent_parcels", "fulfillment", "7 * * * *"),
        Timed("payments.jobs.reconcile_recent", "webhooks", "*/5 * * * *"),
        Timed("payments.jobs.sweep_events", "webhooks", "2-57/5 * * * *"),
        Timed("payments.jobs.begin_reconciliation", "webhooks", "37 2 * * *"),
        Timed("fulfillment.jobs.reconcile_warehouse", "fulfillment", "7 2 * * *"),
    ),
    # What `manage.py state_diagrams` draws.
    machines={
        "Order": Machine("orders.states.ORDER", ("draft", "pending_payment")),
        "Cancellation": Machine("orders.states.CANCELLATION", ("requested",)),
        "Correction": Machine("orders.states.CORRECTION", ("requested",)),
        "Shortage": Machine("orders.states.SHORTAGE", ("open",)),
        "Return": Machine("orders.states.RETURN", ("requested", "approved")),
        "Units of a return: reception": Machine("orders.states.RECEPTION", ("awaiting",)),
        "Units of a return: decision": Machine("orders.states.DECISION", ("pending",)),
        "Payment attempt": Machine("payments.states.ATTEMPT", ("created",)),
        "Payment operation": Machine("payments.states.OPERATION", ("planned",)),
        "Refund": Machine("payments.states.REFUND", ("requested", "external")),
        "Dispute": Machine("payments.states.DISPUTE", ("warning", "needs_response")),
        "Fulfillment": Machine("fulfillment.states.FULFILLMENT", ("ready", "on_hold")),
        "Reservation": Machine("fulfillment.states.RESERVATION", ("held",)),
        "Parcel": Machine("fulfillment.states.SHIPMENT", ("label_created",)),
        "Message": Machine("notifications.states.MESSAGE", ("queued",)),
    },
    # Domain -> what `manage.py reconcile DOMAIN` compares.
    reconcilers={
        "payments": "payments.services.reconciling.running.reconcile",
        "warehouse": "fulfillment.services.reconciling.reconcile",
    },
)
