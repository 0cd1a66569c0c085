"""Staff accounts and groups, in the look of the house; accounts are switched off, not deleted."""

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from globalmart.core.admin.house import (
    AdminPasswordChangeForm,
    UnfoldAdmin,
    UserChangeForm,
    UserCreationForm,
)

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class StaffAdmin(UserAdmin, UnfoldAdmin):  # type: ignore[misc, type-arg] # unfold ships no types
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Accounts stay, because the timeline names them: untick `active` instead."""
        return False


@admin.register(Group)
class StaffGroupAdmin(GroupAdmin, UnfoldAdmin):  # type: ignore[misc] # unfold ships no types
    pass
