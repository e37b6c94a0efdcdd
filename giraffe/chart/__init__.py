"""Picture → chart, laid flat → signals: where the rows of leads lie, what stands on them, in mV."""
