"""Everything about MQTT: topics, messages, tokens, the publisher, the device client, the bridge."""
