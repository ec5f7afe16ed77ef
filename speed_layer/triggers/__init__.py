"""What is to be acted on now: conditions over events and changes, and telling of them. Runs on Faust.

conditions, model, definition   what a file of triggers says
waiting, deadlines              what is kept of a customer while a trigger waits
firing, routing, settling       from messages to what is to be told; pure
seams                           what it asks of others: who is who, and what may be sent
delivery, webhook               telling, again and again where need be
following, horizon              how far the view and we ourselves have come in the log
reading                         messages from Faust, and acknowledging them
patience                        trying again while a server is away
app                             the wiring
"""
