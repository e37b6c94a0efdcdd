"""Picture → chart: where the rows of leads lie, what stands where, and the chart laid flat."""
