"""A small MQTT 5 client for the functions: publishes at QoS 1 with little CPU, and starts quickly.

Section numbers in this package are those of the OASIS standard MQTT Version 5.0 of 2019-03-07.
"""
