import AsyncStorage from "@react-native-async-storage/async-storage";
import * as SecureStore from "expo-secure-store";
import { useEffect, useState } from "react";
import { Button, SafeAreaView, Text, TextInput } from "react-native";
import { Session } from "./session";

const URL = process.env.EXPO_PUBLIC_AFTERGLOW_URL ?? "http://localhost:8000";
const secrets = { getItem: SecureStore.getItemAsync, setItem: SecureStore.setItemAsync };

export default function App() {
  const [session, setSession] = useState<Session>();
  const [, showAgain] = useState(0);
  const [code, setCode] = useState("");
  const [mood, setMood] = useState("");

  useEffect(() => {
    void Session.open(URL, AsyncStorage, secrets).then(setSession);
  }, []);
  if (session === undefined) return null;

  const step = (done: Promise<void>) => void done.finally(() => showAgain((count) => count + 1));
  const checkIn = () =>
    session.checkIn({
      recorded_at: new Date().toISOString(),
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      mood: Number(mood),
    });

  return (
    <SafeAreaView>
      <Text accessibilityRole="header">Afterglow sample</Text>
      {session.screen === "enroll" && (
        <>
          <TextInput accessibilityLabel="Code from your clinic" value={code} onChangeText={setCode} />
          <Button title="Enroll" onPress={() => step(session.enroll(code))} />
        </>
      )}
      {session.screen === "check-in" && (
        <>
          <TextInput accessibilityLabel="Mood, 0 to 10" keyboardType="number-pad" value={mood} onChangeText={setMood} />
          <Button title="Send" disabled={mood === ""} onPress={() => step(checkIn())} />
        </>
      )}
      {session.screen === "waiting" && <Button title="Saved. Send again" onPress={() => step(session.send())} />}
      {session.screen === "thanks" && <Text>Thank you.</Text>}
      {session.screen === "help" && <Text>{JSON.stringify(session.help, null, 2)}</Text>}
    </SafeAreaView>
  );
}
