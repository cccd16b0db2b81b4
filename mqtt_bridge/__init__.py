"""kull-sync: everything about MQTT. Topics, messages, tokens, the publisher, the device client, the bridge."""
