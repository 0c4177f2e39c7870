"""The review console's pages, under /review/."""

from django.urls import path

from review.views import (
    claims,
    composing,
    deciding,
    forgetting,
    masked,
    preferences,
    queue,
    statuses,
    stuck,
    ticket,
    tickets,
)

app_name = "review"

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("tickets/", tickets.tickets, name="tickets"),
    path("tickets/new/", tickets.new_ticket, name="new_ticket"),
    path("replies/", stuck.stuck, name="stuck"),
    path("replies/again/", stuck.send_again, name="send_again"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("keys/", preferences.keys, name="keys"),
    path("forget/", forgetting.forget_customer, name="forget"),
    path("message/<int:pk>/masked/", masked.masked_numbers, name="masked"),
    path("<int:number>/", ticket.ticket_page, name="ticket"),
    path("<int:number>/situation/", ticket.situation, name="situation"),
    path("<int:number>/claim/", claims.claim, name="claim"),
    path("<int:number>/take-over/", claims.take_over, name="take_over"),
    path("<int:number>/release/", claims.release, name="release"),
    path("<int:number>/farewell/", claims.farewell, name="farewell"),
    path("<int:number>/save/", composing.save, name="save"),
    path("<int:number>/conflict/", composing.conflict, name="conflict"),
    path("<int:number>/discard/", composing.discard, name="discard"),
    path("<int:number>/diff/", composing.diff, name="diff"),
    path("<int:number>/send/", deciding.send, name="send"),
    path("<int:number>/reject/", deciding.reject, name="reject"),
    path("<int:number>/escalate/", deciding.escalate, name="escalate"),
    path("<int:number>/redo/", deciding.redo, name="redo"),
    path("<int:number>/solve/", statuses.solve, name="solve"),
    path("<int:number>/wait/", statuses.wait, name="wait"),
    path("<int:number>/reopen/", statuses.reopen, name="reopen"),
    path("<int:number>/bring-back/", statuses.bring_back, name="bring_back"),
    path("decision/<int:pk>/undo/", deciding.undo, name="undo"),
    path("reply/<int:pk>/settle/", deciding.settle, name="settle"),
    path("message/<int:pk>/question/", tickets.question, name="question"),
    path("sentence/<int:pk>/judge/", ticket.judge, name="judge"),
]
