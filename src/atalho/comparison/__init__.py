"""Networks compared on data and a machine: records in a folder that a second call goes on with."""
