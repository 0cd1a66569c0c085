from django.urls import path

from fulfillment import webhooks

app_name = "fulfillment"
urlpatterns = [path("warehouse/", webhooks.warehouse_push, name="warehouse-push")]
